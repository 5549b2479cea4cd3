/** A look from outside tells a folder that somebody writes to from one that is complete. */
import assert from 'node:assert/strict';
import { appendFile, mkdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScratch } from '../../../../test/support/packages.ts';
import { lookAtFiles } from './look-at-files.ts';

test('the same files look the same, and quieter as time goes by', async () => {
  await using scratch = await openScratch();
  await writeFile(join(scratch.dir, 'model.onnx'), 'bytes');
  const now = Date.now();
  const [first, later] = [await lookAtFiles(scratch.dir, now), await lookAtFiles(scratch.dir, now + 5000)];
  assert.equal(later?.revision, first?.revision);
  assert.equal((later?.quietMs ?? 0) - (first?.quietMs ?? 0), 5000);
});

test('every way to change a file changes the look, also when its times are set back', async () => {
  await using scratch = await openScratch();
  const { dir } = scratch;
  const file = join(dir, 'deep', 'model.onnx');
  const changes: (() => Promise<unknown>)[] = [
    () => mkdir(join(dir, 'deep')),
    () => writeFile(file, 'a'),
    () => appendFile(file, 'b'),
    () => utimes(file, 1000, 1000),
    () => rename(file, join(dir, 'deep', 'other.onnx')),
    () => symlink('/nowhere', join(dir, 'dangling')),
  ];
  const seen = new Set([(await lookAtFiles(dir, 0))?.revision]);
  for (const [i, change] of changes.entries()) {
    await change();
    seen.add((await lookAtFiles(dir, 0))?.revision);
    assert.equal(seen.size, i + 2, String(change));
  }
  await utimes(join(dir, 'deep', 'other.onnx'), 1000, 1000);
  const look = await lookAtFiles(dir, Date.now());
  assert.ok((look?.quietMs ?? Infinity) < 60_000, 'the time of the change counts, not that of the content');
});

test('a folder that is not there cannot be looked at, a loop of links ends', async () => {
  await using scratch = await openScratch();
  assert.equal(await lookAtFiles(join(scratch.dir, 'absent'), 0), undefined);
  await symlink(scratch.dir, join(scratch.dir, 'loop'));
  assert.ok(await lookAtFiles(scratch.dir, 0));
});
