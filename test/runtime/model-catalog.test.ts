/** The catalog while its sources are slow: what happens meanwhile counts. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openWorkshop } from '../../src/api/workshop.ts';
import { systemClock } from '../../src/core/clock.ts';
import { SkyliftError } from '../../src/core/errors.ts';
import { ModelCatalog } from '../../src/serve/runtime/sources/model-catalog.ts';
import { LATEST_ONE } from '../../src/serve/runtime/versions/version-policy.ts';
import { stamped } from '../support/onnx-models.ts';
import { openScratch } from '../support/packages.ts';

const POLL_MS = 20;

/** A catalog with one model whose listings wait at a gate, or fail. */
async function startSlow(dir: string) {
  const path = join(dir, 'm.onnx');
  await writeFile(path, stamped(1));
  const limits = { version_poll_ms: POLL_MS, warmup_budget_ms: 20 };
  const workshop = await openWorkshop({ storeDir: join(dir, 'store'), limits });
  const state = { gate: Promise.resolve(), listings: 0, isBroken: false };
  const logged: string[] = [];
  const catalog = new ModelCatalog({
    runtime: workshop.runtime,
    createSource(given) {
      const source = workshop.createSource(given);
      return {
        ...source,
        async list() {
          state.listings++;
          await state.gate;
          if (state.isBroken) throw new SkyliftError('SKY_MODEL_NOT_FOUND', 'the mount is gone');
          return source.list();
        },
      };
    },
    clock: systemClock,
    limits: workshop.limits,
    log: (_, message) => void logged.push(message),
    order: 'load-first',
    allowsEarlyLabels: false,
  });
  const config = { name: 'm', path, policy: LATEST_ONE, labels: new Map<string, bigint>() };
  catalog.serve(await catalog.list([config], false));
  await workshop.runtime.whenStarted('m');
  return {
    catalog,
    state,
    logged,
    runtime: workshop.runtime,
    async [Symbol.asyncDispose]() {
      catalog.close();
      await workshop.runtime.close();
    },
  };
}

test('a listing that was under way does not bring an unloaded model back', async () => {
  await using scratch = await openScratch();
  await using slow = await startSlow(scratch.dir);
  const { promise, resolve } = Promise.withResolvers<void>();
  slow.state.gate = promise;
  const before = slow.state.listings;
  while (slow.state.listings === before) await sleep(5);
  await slow.catalog.unload('m');
  resolve();
  await sleep(10 * POLL_MS);
  const states = slow.runtime.models().flatMap(({ versions }) => versions.map(({ state }) => state));
  assert.deepEqual(states, ['END']);
  await slow.catalog.load('m');
  assert.equal(slow.runtime.report().length, 1);
});

test('a load whose model is taken away meanwhile does not bring it back', async () => {
  await using scratch = await openScratch();
  await using slow = await startSlow(scratch.dir);
  await slow.catalog.unload('m');
  const { promise, resolve } = Promise.withResolvers<void>();
  slow.state.gate = promise;
  const loading = slow.catalog.load('m');
  await slow.catalog.change([]);
  resolve();
  await assert.rejects(loading, { code: 'SKY_MODEL_NOT_FOUND' });
  assert.deepEqual(slow.runtime.models(), []);
});

test('a source that fails again after it was well is told again', async () => {
  await using scratch = await openScratch();
  await using slow = await startSlow(scratch.dir);
  for (const times of [1, 2]) {
    slow.state.isBroken = true;
    while (slow.logged.length < times) await sleep(5);
    await sleep(5 * POLL_MS);
    assert.equal(slow.logged.length, times);
    slow.state.isBroken = false;
    const seen = slow.state.listings;
    while (slow.state.listings < seen + 3) await sleep(5);
  }
});
