/** Slow clients hold connections open and send next to nothing (Slowloris, R-U-Dead-Yet): whoever behaves must not notice. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runLoad } from '../../src/bench/run-load.ts';
import { serve } from '../../src/index.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';

export interface SlowOptions {
  readonly folder: string;
  readonly clients: number;
  /** Of each of the three measurements: without slow clients, with them, without. */
  readonly durationMs: number;
  readonly seed: number;
}

export interface SlowReport {
  readonly clients: number;
  /** Of those who behave. */
  readonly requests: number;
  readonly failed: number;
  /** Their latency, with slow clients and without, ms. */
  readonly p99WithMs: number;
  readonly p99WithoutMs: number;
}

/** Requests due in a second, few enough that nobody waits for the processor. */
const RATE = 200;

export async function slowClients({ folder, clients, durationMs, seed }: SlowOptions): Promise<SlowReport> {
  const model = join(folder, 'half_plus_two.onnx');
  await writeFile(model, halfPlusTwo());
  await using server = await serve({
    models: { m: model },
    http: { port: 0 },
    storeDir: join(folder, 'store'),
    limits: { header_timeout_ms: 5000 }, // many are cut off and come back
  });
  const measure = (): ReturnType<typeof runLoad> =>
    runLoad({
      url: `${server.url}/v1/models/m:predict`,
      body: '{"instances":[1.0,2.0,5.0]}',
      verify: { body: '{"predictions":[2.5,3,4.5]}', tolerance: 1e-6 },
      ratePerSecond: RATE,
      warmupMs: 1000,
      durationMs,
      deadlineMs: 10_000,
    });
  const before = await measure();
  const endSlowClients = await startSlowClients(Number(new URL(server.url).port), clients, seed);
  const during = await measure();
  await endSlowClients();
  const after = await measure();
  return {
    clients,
    requests: before.requests + during.requests + after.requests,
    failed: before.failed + during.failed + after.failed,
    p99WithMs: during.latencyMs.p99,
    p99WithoutMs: (before.latencyMs.p99 + after.latencyMs.p99) / 2,
  };
}

/** Resolves when all are connected. @returns ends them */
async function startSlowClients(port: number, clients: number, seed: number): Promise<() => Promise<void>> {
  const main = join(import.meta.dirname, 'slow-clients-main.ts');
  const child = spawn(process.execPath, [main, String(port), String(clients), String(seed)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await once(child.stdout, 'data');
  return async () => {
    child.stdin.end();
    await exited;
  };
}
