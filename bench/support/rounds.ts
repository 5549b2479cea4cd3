/** Interleaved rounds: A, B, A, B ... in the same minutes, CPU of all processes of a contender per good reply. */
import { cpuBetween, cpuTimes } from '../../src/bench/cpu-times.ts';
import type { LoadOptions, LoadReport } from '../../src/bench/load-types.ts';
import { runLoad } from '../../src/bench/run-load.ts';
import { median, ratioOfRounds } from '../../src/bench/statistics.ts';
import type { RatioReport } from '../../src/bench/statistics.ts';
import type { Contender } from './contenders.ts';

/** What one contender did in each round. */
export interface Rounds {
  readonly name: string;
  readonly cpuUsPerRequest: number[];
  readonly requestsPerSecond: number[];
  readonly p50Ms: number[];
  failed: number;
}

/** What a load run tells. */
export type LoadResult = Pick<LoadReport, 'requests' | 'failed' | 'requestsPerSecond'> & {
  readonly latencyMs: Pick<LoadReport['latencyMs'], 'p50'>;
};

/** Puts load on one contender. */
export type Load = (
  contender: Contender,
  options: Pick<RoundsOptions, 'connections'> & { readonly durationMs: number },
) => Promise<LoadResult>;

export interface RoundsOptions {
  readonly rounds: number;
  readonly durationMs: number;
  readonly connections: number;
  readonly load: Load;
}

/** HTTP load with the method, body and check of each contender's request. */
export function httpLoad(
  request: (contender: Contender) => Pick<LoadOptions, 'body' | 'verify' | 'method'>,
): Load {
  return (contender, options) => runLoad({ url: contender.url, ...request(contender), ...options });
}

/** Each round gives every contender a warm-up and then the load, one after the other. */
export async function runRounds(
  contenders: readonly Contender[],
  options: RoundsOptions,
): Promise<readonly Rounds[]> {
  const results = contenders.map(({ name }): Rounds => ({
    name,
    cpuUsPerRequest: [],
    requestsPerSecond: [],
    p50Ms: [],
    failed: 0,
  }));
  for (let round = 0; round < options.rounds; round++) {
    for (const [i, contender] of contenders.entries()) {
      const result = results[i];
      if (result) await runRound(contender, options, result);
    }
  }
  return results;
}

async function runRound(contender: Contender, options: RoundsOptions, result: Rounds): Promise<void> {
  const { connections, durationMs, load } = options;
  await load(contender, { connections, durationMs: 1000 });
  const before = cpuTimes(contender.pids());
  const report = await load(contender, { connections, durationMs });
  const cpuMs = cpuBetween(before, cpuTimes(contender.pids()));
  result.cpuUsPerRequest.push((1000 * cpuMs) / (report.requests - report.failed));
  result.requestsPerSecond.push(report.requestsPerSecond);
  result.p50Ms.push(report.latencyMs.p50);
  result.failed += report.failed;
}

/** One line of the final table. */
export interface Ratio {
  readonly scenario: string;
  readonly figure: string;
  readonly ours: number;
  readonly rival: number;
  readonly unit: string;
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  readonly goal: string;
}

export interface Comparison {
  readonly scenario: string;
  readonly figure: string;
  readonly unit: string;
  readonly goal: string;
}

/** Ratio of two lists of rounds: ours over the rival's. */
export function compare(comparison: Comparison, ours: readonly number[], rival: readonly number[]): Ratio {
  const { ratio, lowest, highest }: RatioReport = ratioOfRounds(ours, rival);
  return { ...comparison, ours: median(ours), rival: median(rival), ratio, lowest, highest };
}
