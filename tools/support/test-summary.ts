/**
 * A reporter of node:test that fits on a page: one line per file, failures in full, skipped tests with their reason,
 * the files with the least coverage, and at the end the summary lines that node:test itself prints.
 */
import { relative } from 'node:path';
import { inspect } from 'node:util';
import type { TestEvent } from 'node:test/reporters';

export interface SummaryOptions {
  /** File names are shown relative to this folder. */
  readonly root: string;
  /** Files of src below this many per cent of lines are listed. */
  readonly minLineCoverage: number;
}

type EventData<T extends TestEvent['type']> = Extract<TestEvent, { type: T }>['data'];

/** Text for people from the events of `run()` in node:test. */
export async function* summarize(
  events: AsyncIterable<TestEvent>,
  options: SummaryOptions,
): AsyncGenerator<string> {
  const failed: string[] = [];
  for await (const event of events) {
    if (event.type === 'test:fail' && isOwnFailure(event.data)) {
      failed.push(`${shortPath(event.data.file, options.root)}: ${event.data.name}`);
    }
    yield describe(event, failed, options);
  }
}

/** What one event says; nothing for the many that announce or repeat another. */
function describe(event: TestEvent, failed: readonly string[], options: SummaryOptions): string {
  const { type, data } = event;
  if (type === 'test:fail') return isOwnFailure(data) ? failureText(data, options.root) : '';
  if (type === 'test:pass') {
    return typeof data.skip === 'string' ? `  skipped: ${data.name} (${data.skip})\n` : '';
  }
  if (type === 'test:stdout' || type === 'test:stderr') return data.message;
  if (type === 'test:summary') return data.file === undefined ? '' : fileLine(data, options.root);
  if (type === 'test:coverage') return coverageText(data.summary, options);
  if (type === 'test:diagnostic' && data.nesting === 0) return closingText(data.message, failed);
  return '';
}

/** A parent that failed only because of its subtests says nothing new. */
function isOwnFailure(failure: EventData<'test:fail'>): boolean {
  const { error } = failure.details;
  return !('failureType' in error) || error.failureType !== 'subtestsFailed';
}

function failureText(failure: EventData<'test:fail'>, root: string): string {
  const where = `${shortPath(failure.file, root)}:${failure.line ?? 0}`;
  const thrown = failure.details.error.cause ?? failure.details.error;
  const why = thrown instanceof Error && thrown.cause === undefined ? String(thrown.stack) : inspect(thrown);
  return `✖ ${failure.name}  (${where})\n${why.replaceAll(/^/gm, '    ')}\n`;
}

function fileLine(summary: EventData<'test:summary'>, root: string): string {
  const { passed, tests } = summary.counts;
  const seconds = (summary.duration_ms / 1000).toFixed(1).padStart(6);
  const mark = summary.success ? '✔' : '✖';
  return `${mark}${seconds} s ${`${passed}/${tests}`.padStart(8)}  ${shortPath(summary.file, root)}\n`;
}

/** node:test's own closing lines; the names of what failed stand just before them. */
function closingText(message: string, failed: readonly string[]): string {
  const names = failed.map((name) => `  ${name}\n`).join('');
  return message.startsWith('tests ') && failed.length > 0
    ? `\nfailed:\n${names}ℹ ${message}\n`
    : `ℹ ${message}\n`;
}

function coverageText(coverage: EventData<'test:coverage'>['summary'], options: SummaryOptions): string {
  const low = coverage.files
    .filter((file) => file.coveredLinePercent < options.minLineCoverage)
    .toSorted((a, b) => a.coveredLinePercent - b.coveredLinePercent)
    .map((file) => `  ${percent(file.coveredLinePercent)}  ${shortPath(file.path, options.root)}\n`);
  const { coveredLinePercent, coveredBranchPercent, coveredFunctionPercent } = coverage.totals;
  return (
    `ℹ coverage of src: lines ${percent(coveredLinePercent)}, branches ${percent(coveredBranchPercent)}, ` +
    `functions ${percent(coveredFunctionPercent)} (at least ${options.minLineCoverage} % of lines)\n` +
    (low.length > 0 ? `  files below:\n${low.join('')}` : '')
  );
}

function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}

function shortPath(path: string | undefined, root: string): string {
  return path === undefined ? '?' : relative(root, path);
}
