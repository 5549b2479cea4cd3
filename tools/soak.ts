/**
 * `npm run soak`: the long runs that a release needs and a test command cannot afford. Each part has a seed, prints one JSON
 * line and fails the command when a promise is broken.
 * Flags: --seed N (1), --seconds N (60) of killing engines, --swaps N (30) of versions under load, --reloads N (100) of a model,
 * --tls-reloads N (1000) of certificates, --slow-clients N (2000), --seeds N (100000) simulated worlds of each kind, --store-kills N (500).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killEngines } from '../test/chaos/kill-engines.ts';
import { cycleLoads } from '../test/chaos/load-unload.ts';
import { reloadTls } from '../test/chaos/reload-tls.ts';
import { swapVersions } from '../test/chaos/hot-swap.ts';
import { slowClients } from '../test/chaos/slow-clients.ts';
import { runBudgetWorld } from '../test/simulation/budget-world.ts';
import { runVersionsWorld } from '../test/simulation/versions-world.ts';
import { runWorld } from '../test/simulation/world.ts';
import { halfPlusTwo } from '../test/support/onnx-models.ts';
import { crashStore } from './soak-store.ts';

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    swaps: { type: 'string', default: '30' },
    reloads: { type: 'string', default: '100' },
    seeds: { type: 'string', default: '100000' },
    'tls-reloads': { type: 'string', default: '1000' },
    'slow-clients': { type: 'string', default: '2000' },
    'store-kills': { type: 'string', default: '500' },
  },
});
const seed = Number(flags.seed);
/** A world of models that share their memory costs as much as so many of the others. */
const WORLDS_PER_BUDGET_WORLD = 20;

report('engines killed', await soakEngines(Number(flags.seconds)));
report('versions swapped', await soakVersions(Number(flags.swaps)));
report('models reloaded', await soakLoads(Number(flags.reloads)));
report('certificates renewed', await soakTls(Number(flags['tls-reloads'])));
report('slow clients', await soakSlowClients(Number(flags['slow-clients'])));
report('simulated worlds', simulate(Number(flags.seeds)));
report('simulated versions', simulateVersions(Number(flags.seeds)));
report('simulated budgets', await simulateBudgets(Number(flags.seeds) / WORLDS_PER_BUDGET_WORLD));
report('store writers killed', await crashStore({ seed, kills: Number(flags['store-kills']) }));

async function soakEngines(seconds: number): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-soak-'));
  const model = join(folder, 'half_plus_two.onnx');
  await writeFile(model, halfPlusTwo());
  const options = { durationMs: seconds * 1000, killEveryMs: 1000, connections: 16 };
  const { ends, errors, ...rest } = await killEngines({
    seed,
    ...options,
    model,
    storeDir: join(folder, 'store'),
  });
  await rm(folder, { recursive: true, force: true });
  if (rest.failed > 0) throw new Error(`${rest.failed} requests failed: ${JSON.stringify({ ends, errors })}`);
  return rest;
}

async function soakVersions(swaps: number): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-soak-'));
  const { failures, ...rest } = await swapVersions({ seed, swaps, connections: 8, folder });
  await rm(folder, { recursive: true, force: true });
  if (failures.length > 0)
    throw new Error(`${failures.length} requests failed: ${failures.slice(0, 5).join('; ')}`);
  return rest;
}

/** Memory may grow by 5 % or 20 MB, whichever is more. */
async function soakLoads(cycles: number): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-soak-'));
  const report = await cycleLoads(folder, cycles);
  await rm(folder, { recursive: true, force: true });
  const allowedMb = report.rssBeforeMb + Math.max(20, report.rssBeforeMb * 0.05);
  if (report.rssAfterMb > allowedMb || report.descriptors > 2 || report.processes > 0)
    throw new Error(`a model that comes and goes leaves something behind: ${JSON.stringify(report)}`);
  return report;
}

async function soakTls(reloads: number): Promise<object> {
  const { failures, ...rest } = await reloadTls({ reloads, clients: 4 });
  if (failures.length > 0)
    throw new Error(`${failures.length} handshakes failed: ${failures.slice(0, 5).join('; ')}`);
  return rest;
}

/** How much slower the others are is told, not judged: a machine that is busy otherwise would be. */
async function soakSlowClients(clients: number): Promise<object> {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-soak-'));
  const result = await slowClients({ folder, clients, durationMs: 20_000, seed });
  await rm(folder, { recursive: true, force: true });
  if (result.failed > 0) throw new Error(`${result.failed} requests failed: ${JSON.stringify(result)}`);
  return { ...result, ratio: result.p99WithMs / result.p99WithoutMs };
}

async function simulateBudgets(worlds: number): Promise<object> {
  const sum = { worlds, callers: 0, launches: 0 };
  for (let i = 0; i < worlds; i++) {
    const { callers, launches } = await runBudgetWorld(seed + i); // throws with the seed's broken promise
    sum.callers += callers;
    sum.launches += launches;
  }
  return sum;
}

function simulateVersions(worlds: number): object {
  const sum = { worlds, loads: 0, failures: 0, unloads: 0 };
  for (let i = 0; i < worlds; i++) {
    const report = runVersionsWorld(seed + i); // throws with the seed's broken promise
    for (const key of ['loads', 'failures', 'unloads'] as const) sum[key] += report[key];
  }
  return sum;
}

function simulate(worlds: number): object {
  let callers = 0;
  for (let i = 0; i < worlds; i++) callers += runWorld(seed + i).callers; // throws with the seed's broken promise
  return { worlds, callers };
}

function report(part: string, result: object): void {
  console.log(JSON.stringify({ part, seed, ...result }));
}
