/** Rows of the table of results: a figure of ours, mostly against one of a rival, and what it ought to be. */
import { median, ratioOfRounds } from '../../src/bench/statistics.ts';
import type { RatioReport } from '../../src/bench/statistics.ts';

/** Bounds of the ratio; of our own figure where there is no rival. */
export interface Goal {
  readonly atMost?: number;
  readonly atLeast?: number;
}

/** What is measured. */
export interface Subject {
  readonly scenario: string;
  readonly figure: string;
  readonly unit: string;
  readonly goal?: Goal;
}

export interface Row extends Subject {
  readonly ours: number;
  readonly against?: Omit<RatioReport, 'rounds'> & { readonly rival: number };
}

/** Ratio of two lists of rounds: ours over the rival's. */
export function compare(subject: Subject, ours: readonly number[], rival: readonly number[]): Row {
  const { ratio, lowest, highest } = ratioOfRounds(ours, rival);
  return { ...subject, ours: median(ours), against: { rival: median(rival), ratio, lowest, highest } };
}

/** A figure that has no rival. */
export function alone(subject: Subject, ours: number): Row {
  return { ...subject, ours };
}

/** Undefined without a goal. */
export function isReached({ goal, ours, against }: Row): boolean | undefined {
  if (!goal) return undefined;
  const value = against?.ratio ?? ours;
  return value <= (goal.atMost ?? Number.POSITIVE_INFINITY) && value >= (goal.atLeast ?? 0);
}

/** One line for people. */
export function lineOf(row: Row): string {
  const { scenario, figure, unit, ours, against } = row;
  const value = against
    ? `${spellRatio(against.ratio)} (${spellRatio(against.lowest)}-${spellRatio(against.highest)}), ${number(ours)} / ${number(against.rival)} ${unit}`
    : `${number(ours)} ${unit}`;
  return [`${scenario}: ${figure}: ${value}`, goalOf(row), verdictOf(row)].filter(Boolean).join(', ');
}

/** The table in Markdown. */
export function markdownTable(rows: readonly Row[]): string {
  const head = [
    '| scenario | figure | ours | rival | ours / rival (rounds) | goal | |',
    '|---|---|---:|---:|---:|---:|---|',
  ];
  const lines = rows.map((row) => {
    const { scenario, figure, unit, ours, against } = row;
    const rival = against ? `${number(against.rival)} ${unit}` : '';
    const ratio = against
      ? `**${spellRatio(against.ratio)}** (${spellRatio(against.lowest)}–${spellRatio(against.highest)})`
      : '';
    return `| ${[scenario, figure, `${number(ours)} ${unit}`, rival, ratio, goalOf(row), verdictOf(row)].join(' | ')} |`;
  });
  return [...head, ...lines].join('\n');
}

function goalOf({ goal, unit, against }: Row): string {
  const suffix = against ? 'x' : ` ${unit}`;
  if (goal?.atMost !== undefined) return `<= ${goal.atMost}${suffix}`;
  return goal?.atLeast === undefined ? '' : `>= ${goal.atLeast}${suffix}`;
}

function verdictOf(row: Row): string {
  const reached = isReached(row);
  return reached === undefined ? '' : reached ? 'reached' : 'MISSED';
}

function spellRatio(ratio: number): string {
  return `${ratio.toFixed(2)}x`;
}

function number(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 1000 ? 1 : 0);
}
