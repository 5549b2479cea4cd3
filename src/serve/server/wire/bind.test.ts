import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScratch } from '../../../../test/support/packages.ts';
import { bind } from './bind.ts';

const skip = process.platform === 'win32';

/** Leaves its socket behind, as a process that gets SIGKILL does. */
const LISTEN_AND_DIE = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;

function leaveSocket(path: string): void {
  assert.throws(() => execFileSync(process.execPath, ['-e', LISTEN_AND_DIE, path]));
}

test('the socket of a server that was killed is no obstacle', { skip }, async (context) => {
  await using scratch = await openScratch();
  const socketPath = join(scratch.dir, 's');
  leaveSocket(socketPath);
  assert.ok(existsSync(socketPath));
  const server = createServer();
  await bind(server, { socketPath });
  context.after(() => server.close());
  await assert.rejects(bind(createServer(), { socketPath }), { code: 'SKY_PORT_IN_USE' });
  assert.ok(existsSync(socketPath), 'a socket in use stays');
});

test('a file that is no socket stays where it is', { skip }, async () => {
  await using scratch = await openScratch();
  const socketPath = join(scratch.dir, 'notes.txt');
  writeFileSync(socketPath, 'mine');
  await assert.rejects(bind(createServer(), { socketPath }), { code: 'SKY_CONFIG_INVALID' });
  assert.ok(existsSync(socketPath));
});

test('the end of a server takes its own socket away, and nothing that took its place', { skip }, async () => {
  await using scratch = await openScratch();
  const end = (server: Server): Promise<void> => new Promise((resolve) => server.close(() => resolve()));
  for (const [name, replace] of [
    ['own', undefined],
    ['file', (path: string) => writeFileSync(path, 'precious')],
    ['socket', leaveSocket],
  ] as const) {
    const socketPath = join(scratch.dir, name);
    const server = createServer();
    await bind(server, { socketPath });
    if (replace) {
      rmSync(socketPath);
      replace(socketPath);
    }
    await end(server);
    assert.equal(existsSync(socketPath), replace !== undefined, name);
  }
  assert.deepEqual(readdirSync(scratch.dir).toSorted(), ['file', 'socket']);
});
