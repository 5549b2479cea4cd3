/** Chaos: a client that counts every request to its end, while a random engine gets SIGKILL every now and then. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadReport } from '../../src/bench/load-types.ts';
import { runLoad } from '../../src/bench/run-load.ts';
import { seededRng } from '../../src/core/random.ts';
import { serve } from '../../src/index.ts';
import type { RunningServer } from '../../src/index.ts';

export interface KillOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly killEveryMs: number;
  readonly connections: number;
  /** Path of half_plus_two. */
  readonly model: string;
  readonly storeDir: string;
}

export interface KillReport extends LoadReport {
  readonly kills: number;
  /** Ends of engines that the metrics tell. */
  readonly crashes: number;
}

/** Serves with one engine per core and kills one at every interval. The report's `failed` must be 0. */
export async function killEngines(options: KillOptions): Promise<KillReport> {
  const { model, storeDir, connections, durationMs } = options;
  await using server = await serve({
    models: { m: model },
    http: { port: 0 },
    storeDir,
    threads: { profile: 'throughput' },
  });
  const killing = killAtRandom(server, options);
  const load = await runLoad({
    url: `${server.url}/v1/models/m:predict`,
    body: '{"instances":[1.0,2.0,5.0]}',
    verify: { body: '{"predictions":[2.5,3,4.5]}', tolerance: 1e-6 },
    connections,
    durationMs,
    deadlineMs: 10_000,
  });
  const kills = await killing;
  return { ...load, kills, crashes: await crashesOf(server) };
}

async function crashesOf({ url }: RunningServer): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const [, count] = /^skylift_engine_exits_total\{model_name="m",kind="crashed"\} (\d+)$/m.exec(text) ?? [];
  return Number(count ?? 0);
}

async function killAtRandom(
  server: RunningServer,
  { seed, durationMs, killEveryMs }: KillOptions,
): Promise<number> {
  const rng = seededRng(seed);
  let kills = 0;
  for (let i = 1; i * killEveryMs < durationMs; i++) {
    await sleep(killEveryMs);
    const engines = server.report().flatMap((version) => version.engines);
    const victim = engines[rng.u32() % engines.length];
    if (!victim) continue; // all are starting again
    process.kill(victim.pid, 'SIGKILL');
    kills++;
  }
  assert.ok(kills > 0, 'no engine was killed');
  return kills;
}
