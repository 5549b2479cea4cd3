/** The key file on the disk: for its owner only, whole or not at all, one writer after the other. */
import assert from 'node:assert/strict';
import { lstat, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScratch } from '../../../../test/support/packages.ts';
import { isSkyliftError } from '../../../core/errors.ts';
import { resolveLimits } from '../../../core/limits.ts';
import type { Limits } from '../../../core/limits.ts';
import { createKey, revokeKey } from './key-edits.ts';
import type { KeyGrant, NewKeyEdit } from './key-edits.ts';
import type { KeyPaths } from './key-files.ts';
import { editKeys, listKeys } from './key-store.ts';

const AT = '2026-11-25T13:00:00.000Z';
const GRANT: KeyGrant = { description: '', permissions: ['predict'], models: ['*'] };
const IS_POSIX = process.platform !== 'win32';
const limits = resolveLimits();

function create(paths: KeyPaths, own: Limits = limits): Promise<NewKeyEdit> {
  return editKeys(paths, ({ file, pepper }) => createKey(file, pepper, GRANT, AT), {
    limits: own,
    make: true,
  });
}

const idsIn = async (paths: KeyPaths): Promise<string[]> =>
  (await listKeys(paths, limits)).keys.map(({ id }) => id);

const isConfigError = (pattern: RegExp) => (error: unknown) =>
  isSkyliftError(error) && error.code === 'SKY_CONFIG_INVALID' && pattern.test(error.message);

test('the first key makes key file and pepper, for the eyes of their owner', async () => {
  await using scratch = await openScratch();
  const keysFile = join(scratch.dir, 'keys.json');
  const { record } = await create({ keysFile });
  assert.deepEqual(await idsIn({ keysFile }), [record.id]);
  assert.deepEqual((await readdir(scratch.dir)).toSorted(), [
    'keys.json',
    'keys.json.lock',
    'keys.json.pepper',
  ]);
  if (!IS_POSIX) return;
  for (const path of [keysFile, `${keysFile}.pepper`]) assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test('the pepper may lie elsewhere', async () => {
  await using scratch = await openScratch();
  const paths = { keysFile: join(scratch.dir, 'keys.json'), pepperFile: join(scratch.dir, 'salt') };
  await create(paths);
  await create(paths);
  assert.equal((await idsIn(paths)).length, 2);
  await assert.rejects(create({ keysFile: paths.keysFile }), isConfigError(/keys\.json\.pepper/));
});

test('key files may share a pepper, also when they are begun at the same time', async () => {
  await using scratch = await openScratch();
  const pepperFile = join(scratch.dir, 'salt');
  const all = ['a.json', 'b.json', 'c.json'].map((name) => ({
    keysFile: join(scratch.dir, name),
    pepperFile,
  }));
  const begun = await Promise.allSettled(all.map((paths) => create(paths)));
  assert.ok(begun.some(({ status }) => status === 'fulfilled'));
  for (const [i, paths] of all.entries()) {
    await create(paths); // whoever came too late for the pepper says so and can come again
    const expected = begun[i]?.status === 'fulfilled' ? 2 : 1;
    assert.equal((await idsIn(paths)).length, expected);
  }
});

test('a lost pepper is not made anew: every key would be dead', async () => {
  await using scratch = await openScratch();
  const keysFile = join(scratch.dir, 'keys.json');
  await create({ keysFile });
  await rm(`${keysFile}.pepper`);
  await assert.rejects(create({ keysFile }), isConfigError(/cannot read .*keys\.json\.pepper/));
  assert.equal((await idsIn({ keysFile })).length, 1);
});

test('writers that come together lose nothing of each other', async () => {
  await using scratch = await openScratch();
  const keysFile = join(scratch.dir, 'keys.json');
  const made = await Promise.all(Array.from({ length: 8 }, () => create({ keysFile })));
  assert.deepEqual((await idsIn({ keysFile })).toSorted(), made.map(({ record }) => record.id).toSorted());
});

test('a file that cannot be understood is not written over', async () => {
  await using scratch = await openScratch();
  const keysFile = join(scratch.dir, 'keys.json');
  await create({ keysFile });
  await writeFile(keysFile, '{"schema": 1, "keys": [');
  await assert.rejects(create({ keysFile }), isConfigError(/is not JSON/));
  assert.equal(await readFile(keysFile, 'utf8'), '{"schema": 1, "keys": [');
});

test('one key more than a server takes is not written', async () => {
  await using scratch = await openScratch();
  const keysFile = join(scratch.dir, 'keys.json');
  await create({ keysFile });
  const tight = resolveLimits({ max_auth_keys: 1 });
  await assert.rejects(create({ keysFile }, tight), isConfigError(/2 keys, more than 1 \(max_auth_keys\)/));
  assert.equal((await idsIn({ keysFile })).length, 1);
});

test('a link to the key file stays a link', { skip: !IS_POSIX }, async () => {
  await using scratch = await openScratch();
  const keysFile = join(scratch.dir, 'keys.json');
  const pepperFile = `${keysFile}.pepper`;
  const { record } = await create({ keysFile });
  const link = join(scratch.dir, 'link');
  await symlink('keys.json', link);
  await editKeys({ keysFile: link, pepperFile }, ({ file }) => revokeKey(file, record.id), {
    limits,
    make: false,
  });
  assert.ok((await lstat(link)).isSymbolicLink());
  assert.deepEqual(await idsIn({ keysFile }), []);
});

test('where nothing can be written the reason is said', async () => {
  await using scratch = await openScratch();
  await assert.rejects(
    create({ keysFile: join(scratch.dir, 'nowhere', 'keys.json') }),
    isConfigError(/cannot change the key file .*nowhere/),
  );
  const keysFile = join(scratch.dir, 'folder');
  await mkdir(keysFile);
  await writeFile(`${keysFile}.pepper`, '');
  await assert.rejects(create({ keysFile }), isConfigError(/folder is not a regular file/));
});
