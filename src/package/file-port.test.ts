import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { diskFiles } from './file-port.ts';

test('makes folders with their parents, and takes those that are there', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'skylift-port-'));
  t.after(() => rm(dir, { recursive: true }));
  const deep = join(dir, 'a', 'b', 'c');
  await diskFiles.makeFolder(deep, 0o700);
  await diskFiles.makeFolder(deep, 0o700);
  assert.equal((await diskFiles.facts(deep)).kind, 'directory');
});

test('a file where a folder should be is an error', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'skylift-port-'));
  t.after(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'file'), '');
  await assert.rejects(diskFiles.makeFolder(join(dir, 'file'), 0o700), { code: 'EEXIST' });
  await assert.rejects(diskFiles.makeFolder(join(dir, 'file', 'below'), 0o700), { code: 'ENOTDIR' });
});

test(
  'a place where nothing can be made is an error at once',
  { skip: process.platform !== 'linux' && 'needs /proc' },
  async () => {
    await assert.rejects(diskFiles.makeFolder('/proc/skylift/store', 0o700), { code: 'ENOENT' });
  },
);
