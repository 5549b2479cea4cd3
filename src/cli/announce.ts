/** What is said when a server is ready: URLs, and for each model a command that works as it stands. */
import { createClient, modelPath } from '../client/client.ts';
import type { ModelMetadata } from '../client/metadata.ts';
import { exampleRequest } from './example-request.ts';

/** One served model. */
export interface ServedModel {
  readonly name: string;
  readonly version: bigint;
  readonly predictUrl: string;
  /** A shell command that gets an answer; absent where no example can be built. */
  readonly tryCommand?: string;
}

/** Longer examples are made by a command instead of being printed. */
const MAX_EXAMPLE_CHARS = 400;

/** Asks the running server what it serves, as any client would. `paths`: served name -> path. */
export async function describeModels(
  url: string,
  paths: Readonly<Record<string, string>>,
): Promise<readonly ServedModel[]> {
  using client = createClient(url, { connections: 1 });
  const models: ServedModel[] = [];
  for (const [name, path] of Object.entries(paths))
    models.push(describeModel(`${url}${modelPath(name)}:predict`, path, await client.metadata(name)));
  return models;
}

/** The lines for people. */
export function announcement(
  { url, grpc }: { readonly url: string; readonly grpc: readonly string[] },
  models: readonly ServedModel[],
): string {
  return models
    .flatMap(({ predictUrl, tryCommand }) => [
      `  REST   ${predictUrl}`,
      ...(tryCommand === undefined ? [] : [`  Try    ${tryCommand}`]),
    ])
    .concat(grpc.map((target) => `  gRPC   ${target}`))
    .concat(`  More   ${url}/v1/models  ${url}/metrics  ${url}/readyz`)
    .join('\n');
}

function describeModel(
  predictUrl: string,
  path: string,
  { name, version, signatures }: ModelMetadata,
): ServedModel {
  const [first] = Object.entries(signatures).toSorted(([a]) => (a === 'serving_default' ? -1 : 1));
  const example = first && exampleRequest(first[1].inputs, first[0]);
  if (!example) return { name, version, predictUrl };
  return { name, version, predictUrl, tryCommand: tryCommand(JSON.stringify(example), path, predictUrl) };
}

function tryCommand(example: string, path: string, predictUrl: string): string {
  if (example.length <= MAX_EXAMPLE_CHARS)
    return `curl -d ${shellQuoted(example)} ${shellQuoted(predictUrl)}`;
  return `skylift inspect ${shellQuoted(path)} --example | curl -d @- ${shellQuoted(predictUrl)}`;
}

/** A word for a POSIX shell. */
function shellQuoted(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
