/** A store as a cache: who leaves, and that nothing else does. */
import assert from 'node:assert/strict';
import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { describeDraft, draftFiles, openScratch } from '../../test/support/packages.ts';
import { planEviction } from './store-eviction.ts';
import { PackageStore } from './store.ts';

const tree = (digest: string, sizeBytes: number, usedAtMs: number) => ({ digest, sizeBytes, usedAtMs });
const KEYS = ['a', 'b', 'c'].map((letter) => letter.repeat(64));

test('those that were needed longest ago leave until the others fit', () => {
  const trees = [tree('new', 40, 3), tree('old', 40, 1), tree('mid', 40, 2)];
  assert.deepEqual(planEviction(trees, 120), []);
  assert.deepEqual(planEviction(trees, 100), ['old']);
  assert.deepEqual(planEviction(trees, 40), ['old', 'mid']);
  assert.deepEqual(planEviction(trees, 0), ['old', 'mid', 'new']);
});

test('what is to be kept stays, whatever its age and size', () => {
  const trees = [tree('new', 40, 3), tree('old', 200, 1), tree('mid', 40, 2)];
  assert.deepEqual(planEviction(trees, 100, 'old'), ['mid', 'new']);
});

test('no plan leaves more than fits, or takes one more than it must', () => {
  const trees = fc.uniqueArray(
    fc.record({
      digest: fc.uuid(),
      sizeBytes: fc.integer({ min: 1, max: 1000 }),
      usedAtMs: fc.integer({ min: 0, max: 50 }),
    }),
    { selector: ({ digest }) => digest, maxLength: 20 },
  );
  fc.assert(
    fc.property(trees, fc.integer({ min: 0, max: 5000 }), (all, maxBytes) => {
      const leaving = planEviction(all, maxBytes);
      const leavers = all.filter(({ digest }) => leaving.includes(digest));
      const bytes = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      const leftBytes = bytes - leavers.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      assert.ok(leftBytes <= maxBytes || leavers.length === all.length);
      const last = all.find(({ digest }) => digest === leaving.at(-1));
      if (last) assert.ok(leftBytes + last.sizeBytes > maxBytes, 'the last one could have stayed');
      const newestLeaver = Math.max(...leavers.map(({ usedAtMs }) => usedAtMs));
      for (const { digest, usedAtMs } of all)
        assert.ok(leaving.includes(digest) || leaving.length === 0 || usedAtMs >= newestLeaver);
    }),
  );
});

test('packages that an import needed have their size and time; named ones are not among them', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const digests: string[] = [];
  for (const [i, key] of KEYS.entries()) {
    const { digest } = await store.publish(await draftFiles(scratch.dir, i, 1000 * (i + 1)), describeDraft);
    await store.recordImport(key, digest);
    await utimes(join(store.dir, 'imports', key), 0, 1000 + i);
    digests.push(digest);
  }
  await store.setRef('named', digests[2] ?? '');
  const trees = (await store.weigh()).toSorted((a, b) => a.usedAtMs - b.usedAtMs);
  assert.deepEqual(
    trees.map(({ digest, usedAtMs }) => [digest, usedAtMs]),
    [
      [digests[0], 1_000_000],
      [digests[1], 1_001_000],
    ],
  );
  assert.ok((trees[1]?.sizeBytes ?? 0) > (trees[0]?.sizeBytes ?? 0));
  await store.touchImport(KEYS[0] ?? '');
  const touched = (await store.weigh()).find(({ digest }) => digest === digests[0]);
  assert.ok((touched?.usedAtMs ?? 0) > 2_000_000);
});

test('what is evicted is gone with the memory of its import, the rest stays sound', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const [first, second] = [await draftFiles(scratch.dir, 1), await draftFiles(scratch.dir, 2)];
  const goes = await store.publish(first, describeDraft);
  const stays = await store.publish(second, describeDraft);
  await store.recordImport(KEYS[0] ?? '', goes.digest);
  await store.recordImport(KEYS[1] ?? '', stays.digest);
  await store.evict([goes.digest, 'f'.repeat(64)]);
  assert.equal(await store.openImport(KEYS[0] ?? ''), undefined);
  assert.equal((await store.openImport(KEYS[1] ?? ''))?.digest, stays.digest);
  assert.deepEqual((await store.verify()).problems, []);
  assert.deepEqual(await readdir(join(store.dir, 'tmp')), []);
});

test('files that are made in place become a package, or nothing at all', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const description = await describeDraft('', []);
  const files = [{ path: 'model.onnx', role: 'graph' } as const];
  const made = await store.make(async (dir) => {
    await writeFile(join(dir, 'model.onnx'), 'graph');
    return { ...description, files };
  });
  assert.equal(made.manifest.files[0]?.sizeBytes, 5);
  assert.deepEqual((await store.verify()).problems, []);
  const failing = store.make(async (dir) => {
    await writeFile(join(dir, 'half'), 'half');
    throw new Error('no');
  });
  await assert.rejects(failing, /no/);
  await assert.rejects(
    store.make(async () => ({ ...description, files })),
    { code: 'SKY_STORE_IO' },
  );
  await assert.rejects(
    store.make(async () => ({ ...description, files: [{ path: '../x', role: 'graph' }] })),
    { code: 'SKY_PACKAGE_INVALID' },
  );
  assert.deepEqual(await readdir(join(store.dir, 'tmp')), []);
});
