/** Health probes while every engine is saturated: the front never waits for native code. */
import { runLoad } from '../src/bench/run-load.ts';
import { imageNet } from './support/bench-context.ts';
import type { BenchContext } from './support/bench-context.ts';
import { startSkylift } from './support/contenders.ts';
import { binary } from './support/image.ts';
import { alone } from './support/table.ts';
import type { Row } from './support/table.ts';

const CONNECTIONS = 16;
const WARMUP_MS = 1000;
const PROBING_MS = 6000;

/** Probes /healthz over one connection while others ask for image runs. */
export async function benchResponsiveness({ storeDir }: BenchContext): Promise<Row[]> {
  const model = await imageNet('ResNet-50-sized');
  const skylift = await startSkylift([`m=${model}`, '--profile=throughput'], '', storeDir);
  const load = binary().load(CONNECTIONS);
  const [probes, runs] = await Promise.all([
    runLoad({ url: `${skylift.url}/healthz`, connections: 1, warmupMs: WARMUP_MS, durationMs: PROBING_MS }),
    load(skylift, { durationMs: WARMUP_MS + PROBING_MS + WARMUP_MS }),
  ]);
  if (probes.failed + runs.failed > 0)
    throw new Error(`${probes.failed} failed probes, ${runs.failed} failed requests`);
  const scenario = `/healthz while ${CONNECTIONS} connections keep all engines busy, ResNet-50-sized net`;
  return [
    alone({ scenario, figure: 'p50', unit: 'ms' }, probes.latencyMs.p50),
    alone({ scenario, figure: 'p99', unit: 'ms', goal: { atMost: 10 } }, probes.latencyMs.p99),
  ];
}
