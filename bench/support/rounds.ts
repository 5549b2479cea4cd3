/** Interleaved rounds: A, B, A, B ... in the same minutes, CPU of all processes of a contender per good reply. */
import { cpuBetween, cpuTimes } from '../../src/bench/cpu-times.ts';
import type { LoadOptions, LoadReport } from '../../src/bench/load-types.ts';
import { runLoad } from '../../src/bench/run-load.ts';
import type { Contender } from './contenders.ts';

/** What one contender did in each round. */
export interface Rounds {
  readonly name: string;
  readonly cpuUsPerRequest: number[];
  readonly requestsPerSecond: number[];
  readonly p50Ms: number[];
}

/** What a load run tells. */
export type LoadResult = Pick<LoadReport, 'requests' | 'failed' | 'requestsPerSecond' | 'errors'> & {
  readonly latencyMs: Pick<LoadReport['latencyMs'], 'p50'>;
};

/** Puts load on one contender. */
export type Load = (contender: Contender, options: { readonly durationMs: number }) => Promise<LoadResult>;

export interface RoundsOptions {
  readonly rounds: number;
  readonly durationMs: number;
  readonly load: Load;
}

const WARMUP_MS = 1000;

/** HTTP load with the connections, body and check of each contender's request. */
export function httpLoad(request: (contender: Contender) => Omit<LoadOptions, 'url' | 'durationMs'>): Load {
  return (contender, options) => runLoad({ url: contender.url, ...request(contender), ...options });
}

/** Each round gives every contender a warm-up and then the load, one after the other. Throws when a reply is wrong. */
export async function runRounds(
  contenders: readonly Contender[],
  { rounds, durationMs, load }: RoundsOptions,
): Promise<readonly Rounds[]> {
  const results = contenders.map((contender) => ({ contender, rounds: noRounds(contender.name) }));
  for (let round = 0; round < rounds; round++)
    for (const { contender, rounds: result } of results) {
      await load(contender, { durationMs: WARMUP_MS });
      addRound(result, await measure(contender, load, durationMs));
    }
  return results.map(({ rounds: result }) => result);
}

/** One load and what it cost the whole server side. Throws when a reply is wrong. */
export async function measure(contender: Contender, load: Load, durationMs: number): Promise<Measured> {
  const before = cpuTimes(contender.pids());
  const report = await load(contender, { durationMs });
  const cpuMs = cpuBetween(before, cpuTimes(contender.pids()));
  if (report.failed > 0)
    throw new Error(`${contender.name}: ${report.failed} wrong replies ${JSON.stringify(report.errors)}`);
  return {
    cpuUsPerRequest: (1000 * cpuMs) / report.requests,
    requestsPerSecond: report.requestsPerSecond,
    p50Ms: report.latencyMs.p50,
  };
}

export interface Measured {
  readonly cpuUsPerRequest: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
}

/** No rounds yet. */
export function noRounds(name: string): Rounds {
  return { name, cpuUsPerRequest: [], requestsPerSecond: [], p50Ms: [] };
}

/** Adds what one round measured. */
export function addRound(rounds: Rounds, { cpuUsPerRequest, requestsPerSecond, p50Ms }: Measured): void {
  rounds.cpuUsPerRequest.push(cpuUsPerRequest);
  rounds.requestsPerSecond.push(requestsPerSecond);
  rounds.p50Ms.push(p50Ms);
}
