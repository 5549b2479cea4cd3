/** Every file operation of the store fails once, or from some point on: nothing torn is ever seen, and the store recovers. */
import assert from 'node:assert/strict';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { FaultyFiles } from '../../test/support/faulty-files.ts';
import type { Fault } from '../../test/support/faulty-files.ts';
import { describeDraft, draftFiles, openScratch } from '../../test/support/packages.ts';
import { isSkyliftError } from '../core/errors.ts';
import type { DraftFile } from './draft.ts';
import { diskFiles } from './file-port.ts';
import type { FilePort } from './file-port.ts';
import { openPackage } from './open-package.ts';
import { PackageStore } from './store.ts';
import { writePackage } from './write-package.ts';

const MAX_OPERATIONS = 500; // far more than a run has: the loop below ends by itself

/** One thing that a user of the store does, from an empty or older state to the new one. */
type Scenario = (files: FilePort, drafts: readonly DraftFile[]) => Promise<unknown>;

/** Runs `scenario` with the first, second, third … operation failing until one run meets no fault. */
async function failEach(
  fault: Omit<Fault, 'at'>,
  run: (files: FaultyFiles) => Promise<void>,
): Promise<number> {
  for (let at = 1; at < MAX_OPERATIONS; at++) {
    const files = new FaultyFiles({ ...fault, at });
    await run(files);
    if (files.hits === 0) return files.operations;
  }
  throw new Error(`still failing after ${MAX_OPERATIONS} operations`);
}

async function mayFail(action: Promise<unknown>): Promise<void> {
  try {
    await action;
  } catch (error) {
    assert.ok(isSkyliftError(error), String(error));
    assert.equal(error.code, 'SKY_STORE_IO');
    assert.match(error.message, /injected/);
  }
}

const publishAndName =
  (dir: string): Scenario =>
  async (files, drafts) => {
    const store = await PackageStore.open(dir, files);
    const { digest } = await store.publish(drafts, describeDraft);
    await store.setRef('digits', digest);
  };

const FAULTS = [
  { kind: 'EIO', isLasting: false, leastOperations: 60 },
  { kind: 'ENOSPC', isLasting: true, leastOperations: 60 },
  { kind: 'short', isLasting: false, leastOperations: 4 },
  { kind: 'short', isLasting: true, leastOperations: 4 },
] as const;

for (const { leastOperations, ...fault } of FAULTS)
  test(`publishing survives ${fault.kind} ${fault.isLasting ? 'from' : 'at'} every operation`, async () => {
    await using scratch = await openScratch();
    const dir = join(scratch.dir, 'store');
    const old = await (await PackageStore.open(dir)).publish(await draftFiles(scratch.dir, 1), describeDraft);
    const drafts = await draftFiles(scratch.dir, 2, 100);
    const operations = await failEach(fault, async (files) => {
      await mayFail(publishAndName(dir)(files, drafts));
      const store = await PackageStore.open(dir);
      assert.deepEqual((await store.verify()).problems, []);
      assert.deepEqual(await readdir(join(dir, 'tmp')), []);
      assert.equal((await store.adopt(old.dir)).digest, old.digest);
      await publishAndName(dir)(diskFiles, drafts);
      assert.equal((await store.resolve('digits')).manifest.files.length, 2);
      await removeNew(store, old.digest);
    });
    assert.ok(operations >= leastOperations, `${operations} operations`);
  });

for (const { leastOperations: _, ...fault } of FAULTS.filter(({ kind }) => kind !== 'short'))
  test(`making and evicting survives ${fault.kind} ${fault.isLasting ? 'from' : 'at'} every operation`, async () => {
    await using scratch = await openScratch();
    const dir = join(scratch.dir, 'store');
    const key = 'e'.repeat(64);
    const description = await describeDraft('', []);
    const makeAndEvict = async (files: FilePort): Promise<void> => {
      const store = await PackageStore.open(dir, files);
      const { digest } = await store.make(async (staging) => {
        await writeFile(join(staging, 'model.onnx'), 'graph');
        return { ...description, files: [{ path: 'model.onnx', role: 'graph' }] };
      });
      await store.recordImport(key, digest);
      await store.touchImport(key);
      await store.evict((await store.weigh()).map((tree) => tree.digest));
    };
    const operations = await failEach(fault, async (files) => {
      await mayFail(makeAndEvict(files));
      const store = await PackageStore.open(dir);
      const { problems } = await store.verify();
      assert.deepEqual(problems, [], 'nothing torn, no memory of what is gone');
      await makeAndEvict(diskFiles);
      assert.deepEqual(await store.list(), []);
    });
    assert.ok(operations >= 50, `${operations} operations`);
  });

/** So that the next round publishes anew instead of finding the package. */
async function removeNew(store: PackageStore, oldDigest: string): Promise<void> {
  for (const { digest } of await store.list())
    if (digest !== oldDigest) await diskFiles.remove(join(store.dir, 'trees', digest));
  await diskFiles.remove(join(store.dir, 'refs', 'digits'));
}

test('writing a package to a folder survives EIO at every operation', async () => {
  await using scratch = await openScratch();
  const target = join(scratch.dir, 'out');
  const drafts = await draftFiles(scratch.dir, 1, 100);
  await failEach({ kind: 'EIO', isLasting: false }, async (files) => {
    await mayFail(writePackage(target, drafts, describeDraft, { files }));
    const names = await readdir(target).catch(() => []);
    if (names.length > 0) await openPackage(target);
    await diskFiles.remove(target);
    await writePackage(target, drafts, describeDraft);
    await diskFiles.remove(target);
  });
});
