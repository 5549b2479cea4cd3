/** The lock between processes: one holder, gone with it, not inherited by its children. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScratch } from '../../test/support/packages.ts';
import { tryLock, withLock } from './file-lock.ts';

const HOLDER = `
  import { tryLock } from ${JSON.stringify(new URL('./file-lock.ts', import.meta.url).href)};
  import { spawn } from 'node:child_process';
  const lock = tryLock(process.argv[1]);
  const heir = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' });
  process.stdout.write(lock ? String(heir.pid) : 'busy');
  setInterval(() => lock, 1000);
`;

test('a second holder in the same process is refused until the first lets go', async () => {
  await using scratch = await openScratch();
  const path = join(scratch.dir, 'lock');
  const first = tryLock(path);
  assert.ok(first);
  assert.equal(tryLock(path), undefined);
  first.release();
  const second = tryLock(path);
  assert.ok(second);
  second.release();
  assert.deepEqual(await readdir(scratch.dir), ['lock'], 'no journal beside the lock');
});

test('a lock of another process holds until that process is killed, even when it has a child', async () => {
  await using scratch = await openScratch();
  const path = join(scratch.dir, 'lock');
  const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(holder.stdout, 'data')) as [Buffer];
  try {
    assert.match(said.toString(), /^\d+$/);
    assert.equal(tryLock(path), undefined);
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    const lock = tryLock(path);
    assert.ok(lock);
    lock.release();
  } finally {
    process.kill(Number(said.toString()), 'SIGKILL');
  }
});

test('actions under one lock do not overlap', async () => {
  await using scratch = await openScratch();
  const path = join(scratch.dir, 'lock');
  let running = 0;
  let most = 0;
  const action = async () => {
    most = Math.max(most, ++running);
    await new Promise(setImmediate);
    running--;
  };
  await Promise.all(Array.from({ length: 8 }, () => withLock(path, action, { waitMs: 10_000 })));
  assert.equal(most, 1);
});

test('the lock is free again after an action that throws', async () => {
  await using scratch = await openScratch();
  const path = join(scratch.dir, 'lock');
  const failing = withLock(path, () => Promise.reject(new Error('no')), { waitMs: 0 });
  await assert.rejects(failing, { message: 'no' });
  assert.equal(await withLock(path, async () => 'yes', { waitMs: 0 }), 'yes');
});

test('a lock file that is not ours is a coded error', async () => {
  await using scratch = await openScratch();
  const path = join(scratch.dir, 'lock');
  await writeFile(path, 'this is no database, but long enough to be looked at as one '.repeat(20));
  assert.throws(() => tryLock(path), { code: 'SKY_STORE_IO', message: /cannot lock/ });
  assert.throws(() => tryLock(join(scratch.dir, 'absent', 'lock')), { code: 'SKY_STORE_IO' });
});
