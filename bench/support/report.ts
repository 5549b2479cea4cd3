/** The whole result of a run, as JSON and as the page bench/RESULTS.md. */
import type { Conditions } from './conditions.ts';
import { isReached, lineOf, markdownTable } from './table.ts';
import type { Row } from './table.ts';

export interface Report {
  readonly conditions: Conditions;
  readonly rows: readonly Row[];
  /** What was skipped or failed. */
  readonly remarks: readonly string[];
}

/** The page. Written by the run, so that no figure is copied by hand. */
export function writeReport({ conditions, rows, remarks }: Report): string {
  const withGoal = rows.filter(({ goal }) => goal);
  const missed = withGoal.filter((row) => !isReached(row));
  return [
    '# Results of the benchmark',
    'Written by `npm run bench -- --markdown bench/RESULTS.md`. Compare ratios; times of other days or machines say little.',
    'CPU is the user and system time of all processes of a server, engines included, for each verified reply. A cell `ours / rival` is the ratio of medians, with the lowest and the highest round in brackets.',
    '## Conditions',
    list(Object.entries(conditions).map(([name, value]) => `${name}: ${value}`)),
    '## Goals',
    `${withGoal.length - missed.length} of ${withGoal.length} reached.${missed.length > 0 ? ' Missed:' : ''}`,
    list(missed.map(lineOf)),
    '## Figures',
    markdownTable(rows),
    ...(remarks.length > 0 ? ['## Left out', list(remarks)] : []),
  ]
    .filter((part) => part !== '')
    .join('\n\n')
    .concat('\n');
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}
