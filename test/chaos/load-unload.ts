/** Loads and unloads a model again and again: memory, descriptors and processes must come back to where they were. */
import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { serve } from '../../src/index.ts';
import type { RunningServer } from '../../src/index.ts';
import { CAN_SEE_PROCESSES, descendantsOf } from '../../tools/support/processes.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';

export interface CycleReport {
  readonly cycles: number;
  readonly rssBeforeMb: number;
  readonly rssAfterMb: number;
  /** Open descriptors more than before; engine processes that are left. */
  readonly descriptors: number;
  readonly processes: number;
}

/** Each cycle loads, asks and unloads. Throws when an answer is wrong. @param warmUpCycles before the first look: caches and heaps have their size then */
export async function cycleLoads(folder: string, cycles: number, warmUpCycles = 20): Promise<CycleReport> {
  const model = join(folder, 'half_plus_two.onnx');
  await writeFile(model, halfPlusTwo());
  await using server = await serve({
    models: { m: model },
    http: { port: 0 },
    storeDir: join(folder, 'store'),
    limits: { warmup_budget_ms: 20 },
  });
  await cycle(server, warmUpCycles);
  const before = look();
  await cycle(server, cycles);
  const after = look();
  return {
    cycles,
    rssBeforeMb: before.rssMb,
    rssAfterMb: after.rssMb,
    descriptors: after.descriptors - before.descriptors,
    processes: after.processes,
  };
}

/** Ends unloaded. */
async function cycle(server: RunningServer, times: number): Promise<void> {
  const url = `${server.url}/v1/models/m:predict`;
  for (let i = 0; i < times; i++) {
    await manage(server, 'load');
    const answer = await fetch(url, { method: 'POST', body: '{"instances":[1]}' });
    const text = await answer.text();
    if (!text.includes('2.5')) throw new Error(`cycle ${i}: ${answer.status} ${text}`);
    await manage(server, 'unload');
  }
}

async function manage(server: RunningServer, verb: 'load' | 'unload'): Promise<void> {
  const response = await fetch(`${server.url}/v2/repository/models/m/${verb}`, { method: 'POST' });
  if (!response.ok) throw new Error(`${verb}: ${response.status} ${await response.text()}`);
}

function look(): { readonly rssMb: number; readonly descriptors: number; readonly processes: number } {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return {
    rssMb: Math.round(process.memoryUsage.rss() / 2 ** 20),
    descriptors: CAN_SEE_PROCESSES ? readdirSync('/proc/self/fd').length : 0,
    processes: CAN_SEE_PROCESSES ? descendantsOf(process.pid).length : 0,
  };
}
