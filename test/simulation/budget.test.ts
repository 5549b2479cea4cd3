/**
 * Deterministic simulation of models that share too little memory.
 * Replay one seed: SKYLIFT_SEED=1234 node tools/node24/run.mjs --test test/simulation/budget.test.ts
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBudgetWorld } from './budget-world.ts';
import type { BudgetDefect } from './budget-world.ts';

const SEEDS = Number(process.env['SKYLIFT_SEEDS'] ?? 300);
const ONLY = process.env['SKYLIFT_SEED'];

test(`every model answers, and all stay within their memory, in ${SEEDS} seeded worlds`, async (context) => {
  const seeds = ONLY ? [Number(ONLY)] : Array.from({ length: SEEDS }, (_, i) => i + 1);
  const sum = { callers: 0, launches: 0, deaths: 0, ends: 0 };
  for (const seed of seeds) {
    const report = await replayable(seed);
    for (const key of ['callers', 'launches', 'deaths', 'ends'] as const) sum[key] += report[key];
  }
  context.diagnostic(JSON.stringify(sum));
  assert.ok(
    ONLY || (sum.launches > 5 * seeds.length && sum.deaths > seeds.length / 2),
    'the worlds must be neither too kind nor too cruel',
  );
});

test('the same seed gives the same world', async () => {
  for (let seed = 1; seed <= 10; seed++)
    assert.deepEqual(await runBudgetWorld(seed), await runBudgetWorld(seed));
});

for (const defect of ['no budget', 'false weights', 'never wakes'] satisfies BudgetDefect[]) {
  test(`the simulation notices a defect: ${defect}`, async () => {
    await assert.rejects(async () => {
      for (let seed = 1; seed <= 50; seed++) await runBudgetWorld(seed, defect);
    });
  });
}

async function replayable(seed: number): ReturnType<typeof runBudgetWorld> {
  try {
    return await runBudgetWorld(seed);
  } catch (error) {
    throw new Error(
      `seed ${seed} broke a promise; replay: SKYLIFT_SEED=${seed} node tools/node24/run.mjs --test test/simulation/budget.test.ts`,
      { cause: error },
    );
  }
}
