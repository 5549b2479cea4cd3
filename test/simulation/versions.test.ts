/**
 * Deterministic simulation of versions that come and go.
 * Replay one seed: SKYLIFT_SEED=1234 node tools/node24/run.mjs --test test/simulation/versions.test.ts
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runVersionsWorld } from './versions-world.ts';
import type { VersionsDefect } from './versions-world.ts';

const SEEDS = Number(process.env['SKYLIFT_SEEDS'] ?? 3_000);
const ONLY = process.env['SKYLIFT_SEED'];

test(`a model that answers goes on answering, with whole versions, in ${SEEDS} seeded worlds`, (context) => {
  const seeds = ONLY ? [Number(ONLY)] : Array.from({ length: SEEDS }, (_, i) => i + 1);
  const sum = { loads: 0, failures: 0, unloads: 0 };
  for (const seed of seeds) {
    const report = replayable(seed, () => runVersionsWorld(seed));
    for (const key of ['loads', 'failures', 'unloads'] as const) sum[key] += report[key];
  }
  context.diagnostic(JSON.stringify(sum));
  assert.ok(
    ONLY || Math.min(...Object.values(sum)) > seeds.length / 2,
    'the worlds must be neither too kind nor too cruel',
  );
});

test('the same seed gives the same world', () => {
  for (let seed = 1; seed <= 20; seed++) assert.deepEqual(runVersionsWorld(seed), runVersionsWorld(seed));
});

for (const defect of ['no settling', 'unload first', 'lost unloads'] satisfies VersionsDefect[]) {
  test(`the simulation notices a defect: ${defect}`, () => {
    assert.throws(() => {
      for (let seed = 1; seed <= 200; seed++) runVersionsWorld(seed, defect);
    });
  });
}

function replayable<T>(seed: number, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new Error(
      `seed ${seed} broke a promise; replay: SKYLIFT_SEED=${seed} node tools/node24/run.mjs --test test/simulation/versions.test.ts`,
      { cause: error },
    );
  }
}
