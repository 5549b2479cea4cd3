/** Interleaved rounds: A, B, A, B ... in the same minutes, CPU of all processes of a contender per good reply. */
import { cpuBetween, cpuTimes } from '../../src/bench/cpu-times.ts';
import type { LoadOptions } from '../../src/bench/load-types.ts';
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

export interface RoundsOptions {
  readonly rounds: number;
  readonly durationMs: number;
  readonly connections: number;
  /** Method, body and check of one contender's request. */
  readonly request: (contender: Contender) => Pick<LoadOptions, 'body' | 'verify' | 'method'>;
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
  const { connections, durationMs, request } = options;
  const load = { url: contender.url, connections, ...request(contender) };
  await runLoad({ ...load, durationMs: 1000 });
  const before = cpuTimes(contender.pids());
  const report = await runLoad({ ...load, durationMs });
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
