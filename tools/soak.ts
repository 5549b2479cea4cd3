/**
 * `npm run soak`: the long runs that a release needs and a test command cannot afford. Each part has a seed, prints one JSON
 * line and fails the command when a promise is broken.
 * Flags: --seed N (1), --seconds N (60) of killing engines, --seeds N (100000) simulated worlds, --store-kills N (500).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { killEngines } from '../test/chaos/kill-engines.ts';
import { runWorld } from '../test/simulation/world.ts';
import { halfPlusTwo } from '../test/support/onnx-models.ts';
import { crashStore } from './soak-store.ts';

const { values: flags } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '60' },
    seeds: { type: 'string', default: '100000' },
    'store-kills': { type: 'string', default: '500' },
  },
});
const seed = Number(flags.seed);

report('engines killed', await soakEngines(Number(flags.seconds)));
report('simulated worlds', simulate(Number(flags.seeds)));
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

function simulate(worlds: number): object {
  let callers = 0;
  for (let i = 0; i < worlds; i++) callers += runWorld(seed + i).callers; // throws with the seed's broken promise
  return { worlds, callers };
}

function report(part: string, result: object): void {
  console.log(JSON.stringify({ part, seed, ...result }));
}
