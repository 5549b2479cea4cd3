/** A package in a folder of the user's choice: whole or not at all. */
import assert from 'node:assert/strict';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeDraft, draftFiles, openScratch } from '../../test/support/packages.ts';
import { openPackage } from './open-package.ts';
import { writePackage } from './write-package.ts';

test('writes to an absent folder, its parents too, and to an empty one', async () => {
  await using scratch = await openScratch();
  const drafts = await draftFiles(scratch.dir, 1);
  await mkdir(join(scratch.dir, 'empty'));
  for (const name of ['models/digits/1', 'empty']) {
    const dir = join(scratch.dir, name);
    const handle = await writePackage(dir, drafts, describeDraft);
    assert.deepEqual(await openPackage(dir), handle);
  }
  assert.deepEqual(await readdir(join(scratch.dir, 'models', 'digits')), ['1'], 'no hidden folder is left');
});

test('refuses a folder with something in it, and a file, and leaves both as they are', async () => {
  await using scratch = await openScratch();
  const drafts = await draftFiles(scratch.dir, 1);
  const dir = join(scratch.dir, 'full');
  await mkdir(dir);
  await writeFile(join(dir, 'note'), 'mine');
  for (const target of [dir, join(dir, 'note')])
    await assert.rejects(writePackage(target, drafts, describeDraft), { code: 'SKY_PACKAGE_EXISTS' });
  assert.deepEqual(await readdir(dir), ['note']);
});

test('a folder that is filled meanwhile is refused', async () => {
  await using scratch = await openScratch();
  const dir = join(scratch.dir, 'out');
  const writing = writePackage(dir, await draftFiles(scratch.dir, 1), async (staging, files) => {
    await mkdir(dir);
    await writeFile(join(dir, 'note'), 'faster');
    return describeDraft(staging, files);
  });
  await assert.rejects(writing, { code: 'SKY_PACKAGE_EXISTS' });
  assert.deepEqual(await readdir(dir), ['note']);
});

test('an error of describe leaves nothing behind', async () => {
  await using scratch = await openScratch();
  const drafts = await draftFiles(scratch.dir, 1);
  const before = await readdir(scratch.dir);
  const writing = writePackage(join(scratch.dir, 'out'), drafts, () => Promise.reject(new Error('no')));
  await assert.rejects(writing, { code: 'SKY_INTERNAL', message: 'no' });
  assert.deepEqual(await readdir(scratch.dir), before);
});

test('the folder has the usual permissions', { skip: process.platform === 'win32' }, async () => {
  await using scratch = await openScratch();
  const dir = join(scratch.dir, 'out');
  await writePackage(dir, await draftFiles(scratch.dir, 1), describeDraft);
  assert.equal((await stat(dir)).mode & 0o777, 0o777 & ~process.umask());
});
