/** Wire contract, part 5: the server drains without losing a request, and says when it cannot listen. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isSkyliftError } from '../../src/core/errors.ts';
import { startFixture } from './wire-fixture.ts';
import type { Fixture, MakeBackend } from './wire-fixture.ts';

/** Drain, close, listen. */
export function drainContract(makeBackend: MakeBackend): void {
  describe('drain and listen', () => {
    test('requests in flight are answered with connection: close, then the drain ends', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      const held = await fixture.held();
      const drained = fixture.server.drain();
      held.reply(200, 'text/plain', 'last words');
      const reply = await client.reply();
      assert.deepEqual([reply.body, reply.headers['connection']], ['last words', 'close']);
      await client.ended;
      client.close();
      await drained;
    });

    test('pipelined requests in flight are all answered, the last one closes', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      client.request('POST', '/hold', 'y');
      const [first, second] = [await fixture.held(), await fixture.held()];
      void fixture.server.drain();
      second.reply(200, 'text/plain', 'second');
      first.reply(200, 'text/plain', 'first');
      const replies = [await client.reply(), await client.reply()];
      assert.deepEqual(
        replies.map(({ body }) => body),
        ['first', 'second'],
      );
      assert.deepEqual(
        replies.map(({ headers }) => headers['connection']),
        ['keep-alive', 'close'],
      );
    });

    test('a large reply that is being written when the drain starts arrives whole', async (context) => {
      const fixture = await startFixture(context, makeBackend, { drain_idle_ms: 5 });
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      const held = await fixture.held();
      client.socket.pause();
      held.reply(200, 'text/plain', Buffer.alloc(16 * 1024 * 1024, 'z'));
      await new Promise((resolve) => setImmediate(resolve));
      const drained = fixture.server.drain();
      await new Promise((resolve) => setTimeout(resolve, 30)); // longer than drain_idle_ms
      client.socket.resume();
      assert.equal((await client.reply()).body.length, 16 * 1024 * 1024);
      client.close();
      await drained;
    });

    test('silent connections are ended after drain_idle_ms, new ones are refused', async (context) => {
      const fixture = await startFixture(context, makeBackend, { drain_idle_ms: 30 });
      const client = await fixture.client();
      client.request('GET', '/ping');
      await client.reply();
      const drained = fixture.server.drain();
      const refused = new Promise<string>((resolve) => {
        const socket = connect({ host: fixture.address.host, port: fixture.address.port });
        socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
        socket.once('connect', () => resolve('connected'));
      });
      assert.equal(await refused, 'ECONNREFUSED');
      await client.ended;
      client.close();
      await drained;
    });

    test('a second drain waits for the first and cuts nothing off', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      const held = await fixture.held();
      const drains = [fixture.server.drain(), fixture.server.drain()];
      await new Promise((resolve) => setImmediate(resolve));
      held.reply(200, 'text/plain', 'whole');
      assert.equal((await client.reply()).body, 'whole');
      client.close();
      await Promise.all(drains);
    });

    test('what is not finished after drain_ms is ended', async (context) => {
      const fixture = await startFixture(context, makeBackend, { drain_ms: 50 });
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      await fixture.held();
      await fixture.server.drain();
      await fixture.gone;
      assert.equal(fixture.server.inflight(), 0);
    });

    test('under load every request that was sent is answered', async (context) => {
      const fixture = await startFixture(context, makeBackend, { drain_idle_ms: 200 });
      const answered = await Promise.all(Array.from({ length: 16 }, (_, i) => pingUntilClosed(fixture, i)));
      assert.ok(answered.every((count) => count > 0));
    });

    test('a port in use is told by its code and address', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const error = await startOn(context, makeBackend, fixture.address.port).catch(
        (reason: unknown) => reason,
      );
      assert.ok(isSkyliftError(error));
      assert.equal(error.code, 'SKY_PORT_IN_USE');
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${fixture.address.port}`));
    });

    test('an empty host is refused; it would mean every address of the machine', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      await fixture.server.close();
      await assert.rejects(fixture.server.listen({ host: '', port: 0 }), { code: 'SKY_CONFIG_INVALID' });
    });

    const hasPlainSockets = process.platform !== 'win32' && makeBackend.ca === undefined;
    test('a unix socket is served too', { skip: !hasPlainSockets }, async (context) => {
      const socketPath = join(tmpdir(), `skylift-wire-${process.pid}.sock`);
      const fixture = await startFixture(context, makeBackend);
      await fixture.server.close();
      assert.deepEqual(await fixture.server.listen({ socketPath }), { host: socketPath, port: 0 });
      const socket = connect(socketPath);
      socket.end('GET /ping HTTP/1.1\r\nhost: t\r\n\r\n');
      const text = await new Promise<string>((resolve) =>
        socket.once('data', (bytes) => resolve(String(bytes))),
      );
      assert.match(text, /pong$/);
    });
  });
}

/** One client of the load: asks again and again; the server drains while it does. */
async function pingUntilClosed(fixture: Fixture, index: number): Promise<number> {
  const client = await fixture.client();
  for (let answered = 1; ; answered++) {
    client.request('POST', '/echo', `client ${index} request ${answered}`);
    const reply = await client.reply(); // rejects when a request is lost
    assert.equal(reply.body, `client ${index} request ${answered}`);
    if (index === 0 && answered === 20) void fixture.server.drain();
    if (reply.headers['connection'] !== 'close') continue;
    client.close();
    return answered;
  }
}

async function startOn(
  context: Parameters<typeof startFixture>[0],
  makeBackend: MakeBackend,
  port: number,
): Promise<void> {
  const fixture = await startFixture(context, makeBackend);
  await fixture.server.close();
  await fixture.server.listen({ host: '127.0.0.1', port });
}
