/** Statistics of measurements: percentiles, medians, and ratios of interleaved rounds. Pure. */
import { SkyliftError } from '../core/errors.ts';

/** Nearest-rank percentile: the smallest value with at least `percent` % of the values at or below it. Throws SKY_CONFIG_INVALID. */
export function percentile(values: readonly number[], percent: number): number {
  if (!(percent >= 0 && percent <= 100))
    throw new SkyliftError('SKY_CONFIG_INVALID', `percentile ${percent} is not in 0..100`);
  const sorted = requireValues(values).toSorted((a, b) => a - b);
  const rank = Math.max(1, Math.ceil((percent / 100) * sorted.length));
  return sorted[rank - 1] ?? Number.NaN;
}

/** Middle value; the mean of the two middle ones when their number is even. Throws SKY_CONFIG_INVALID for no values. */
export function median(values: readonly number[]): number {
  const sorted = requireValues(values).toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper;
}

/** Latencies at a glance; `max` is the longest one. */
export interface LatencySummary {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** How A compares with B when both were measured in turn (A, B, A, B ...). */
export interface RatioReport {
  /** Median of A over median of B. */
  readonly ratio: number;
  /** Ratio of each round, in order: neighbours in time share the machine's mood. */
  readonly rounds: readonly number[];
  readonly lowest: number;
  readonly highest: number;
}

/** Compares interleaved rounds; both lists have one positive value per round. Throws SKY_CONFIG_INVALID. */
export function ratioOfRounds(a: readonly number[], b: readonly number[]): RatioReport {
  if (a.length !== b.length)
    throw new SkyliftError('SKY_CONFIG_INVALID', `${a.length} rounds of A, ${b.length} of B`);
  const rounds = a.map((value, i) => value / (b[i] ?? Number.NaN));
  return {
    ratio: median(a) / median(b),
    rounds,
    lowest: Math.min(...rounds),
    highest: Math.max(...rounds),
  };
}

function requireValues(values: readonly number[]): readonly number[] {
  if (values.length > 0) return values;
  throw new SkyliftError('SKY_CONFIG_INVALID', 'no values to summarize');
}

/** The usual picture of a list of latencies, in their unit. Throws SKY_CONFIG_INVALID for no values. */
export function latencySummary(values: readonly number[]): LatencySummary {
  return {
    p50: percentile(values, 50),
    p90: percentile(values, 90),
    p99: percentile(values, 99),
    max: percentile(values, 100),
  };
}
