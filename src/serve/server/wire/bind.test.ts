import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScratch } from '../../../../test/support/packages.ts';
import { bind } from './bind.ts';

const skip = process.platform === 'win32';

/** Leaves its socket behind, as a process that gets SIGKILL does. */
const LISTEN_AND_DIE = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;

test('the socket of a server that was killed is no obstacle', { skip }, async (context) => {
  await using scratch = await openScratch();
  const socketPath = join(scratch.dir, 's');
  assert.throws(() => execFileSync(process.execPath, ['-e', LISTEN_AND_DIE, socketPath]));
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
  await assert.rejects(bind(createServer(), { socketPath }), { code: 'SKY_PORT_IN_USE' });
  assert.ok(existsSync(socketPath));
});
