/** Health probes while every engine is saturated: the front never waits for native code. */
import { runLoad } from '../src/bench/run-load.ts';
import { startSkylift } from './support/contenders.ts';

const PIXELS = new Float32Array(3 * 224 * 224).fill(0.5);

export interface Responsiveness {
  readonly probes: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Probes /healthz over one connection while 16 others ask for image runs. `model` as in large-tensor.ts. */
export async function measureResponsiveness(model: string, storeDir: string): Promise<Responsiveness> {
  const skylift = await startSkylift([`m=${model}`, '--profile=throughput'], '', storeDir);
  const body = JSON.stringify({ instances: [{ b64: Buffer.from(PIXELS.buffer).toString('base64') }] });
  try {
    const [probe] = await Promise.all([
      runLoad({ url: `${skylift.url}/healthz`, connections: 1, warmupMs: 1000, durationMs: 4000 }),
      runLoad({ url: `${skylift.url}/v1/models/m:predict`, body, connections: 16, durationMs: 6000 }),
    ]);
    return { probes: probe.requests, p50Ms: probe.latencyMs.p50, p99Ms: probe.latencyMs.p99 };
  } finally {
    await skylift.stop();
  }
}
