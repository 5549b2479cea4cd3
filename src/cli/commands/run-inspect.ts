/** Runs `skylift inspect`. */
import { SkyliftError } from '../../core/errors.ts';
import { formatBytes } from '../../core/units.ts';
import type { ModelSummary } from '../../formats/inspect.ts';
import type { TensorSpec } from '../../tensor/tensor.ts';
import { resolvePath } from '../compose.ts';
import type { CliContext } from '../define-command.ts';
import { exampleRequest } from '../example-request.ts';
import { inspectPath } from '../inspect-path.ts';
import type { PathReport } from '../inspect-path.ts';
import { printable } from '../render/printable.ts';
import { renderPairs, renderTable } from '../render/table.ts';

export interface InspectFlags {
  readonly example: boolean;
}

const SHOWN_OPERATORS = 12;

/** Prints the report, or with --example a request. */
export async function runInspect(
  context: CliContext,
  { example }: InspectFlags,
  path: string,
): Promise<void> {
  const report = await inspectPath(await resolvePath(path));
  if (!example) return context.terminal.result(printable(renderReport(report)), report);
  const request = exampleOf(report);
  context.terminal.result(JSON.stringify(request), request);
}

function exampleOf({ path, signatures }: PathReport): unknown {
  const [first] = Object.entries(signatures).toSorted(([a]) => (a === 'serving_default' ? -1 : 1));
  const request = first && exampleRequest(first[1].inputs, first[0]);
  if (request) return request;
  throw new SkyliftError('SKY_REQUEST_TOO_LARGE', `an example for ${path} would be too large to print`, {
    hint: 'Build the request in your program; skylift inspect shows the shapes.',
  });
}

function renderReport(report: PathReport): string {
  const head: [string, string][] = [
    [report.kind, report.path],
    ...(report.version === undefined ? [] : [['version', String(report.version)] as [string, string]]),
    ...(report.package ? packageFacts(report.package) : []),
  ];
  const signatures = Object.entries(report.signatures).map(
    ([name, signature]) =>
      `signature ${name} (${signature.method})\n${indent(renderTable([{ title: '' }, { title: 'name' }, { title: 'dtype' }, { title: 'shape' }], [...tensorRows('in', signature.inputs), ...tensorRows('out', signature.outputs)]))}`,
  );
  return [renderPairs(head), ...signatures, ...report.models.map(renderModel)].join('\n\n');
}

function packageFacts({ digest, files, lineage }: NonNullable<PathReport['package']>): [string, string][] {
  const sizeBytes = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return [
    ['digest', `sha256:${digest}`],
    ['files', `${files.length}, ${formatBytes(sizeBytes)}: ${files.map((file) => file.path).join(', ')}`],
    ...lineage.map((stage): [string, string] => [
      stage.kind,
      `${stage.source} by ${stage.tool} at ${stage.at}`,
    ]),
  ];
}

function renderModel(model: ModelSummary): string {
  const { producer, operators, parameters, externalFiles } = model;
  const shown = operators.slice(0, SHOWN_OPERATORS).map(({ operator, count }) => `${operator} ${count}`);
  const more = operators.length > shown.length ? `, ${operators.length - shown.length} more kinds` : '';
  const external = externalFiles.map(({ name, sizeBytes }) => `${name} ${formatBytes(sizeBytes)}`);
  return renderPairs([
    ['graph', `${model.path}, ${formatBytes(model.sizeBytes)}`],
    ['producer', `${producer.name || 'unknown'} ${producer.version}`.trim()],
    ['opsets', model.opsets.map(({ domain, version }) => `${domain || 'ai.onnx'} ${version}`).join(', ')],
    ['weights', `${parameters.count} values, ${formatBytes(parameters.sizeBytes)}`],
    ['external', external.length === 0 ? 'none' : external.join(', ')],
    ['operators', shown.join(', ') + more],
  ]);
}

function tensorRows(direction: string, specs: readonly TensorSpec[]): string[][] {
  return specs.map(({ name, dtype, dims }) => [
    direction,
    name,
    dtype,
    dims ? `[${dims.join(', ')}]` : 'any',
  ]);
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ');
}
