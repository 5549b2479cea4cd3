/** Wire contract, part 4: connections: keep-alive, pipelining, slow, half-closed and vanished clients. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startFixture } from './wire-fixture.ts';
import type { Fixture, MakeBackend } from './wire-fixture.ts';

/** What clients say before they vanish, cut off anywhere. */
const VANISHING: readonly string[] = [
  `POST /hold HTTP/1.1\r\nhost: t\r\ncontent-length: 300\r\n\r\n${'x'.repeat(300)}`,
  `POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n${'10\r\n0123456789abcdef\r\n'.repeat(9)}`,
  `POST /echo HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 100\r\n\r\n${'x'.repeat(90)}`,
  `GET /ping HTTP/1.1\r\nhost: t\r\n\r\n`.repeat(20),
  `POST /nothing HTTP/1.1\r\nhost: t\r\ncontent-length: 300\r\n\r\n${'x'.repeat(200)}`,
];

/** Of this process, clients' ends included. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
}

/** The next call with a body of so many bytes that is held; others are from clients that are gone. */
async function heldBy(fixture: Fixture, sizeBytes: number): Promise<void> {
  for (;;) if ((await fixture.held()).body.length === sizeBytes) return;
}

/** Life and death of connections. */
export function connectionContract(makeBackend: MakeBackend): void {
  describe('connections', () => {
    test('one connection serves many requests', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      for (let i = 0; i < 20; i++) {
        client.request('POST', '/echo', `body ${i}`);
        assert.equal((await client.reply()).body, `body ${i}`);
      }
    });

    test('pipelined requests are answered in their order, even when answered out of order', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'first');
      client.request('POST', '/hold', 'second');
      client.request('GET', '/ping');
      const [first, second] = [await fixture.held(), await fixture.held()];
      second.reply(200, 'text/plain', 'second');
      await new Promise((resolve) => setImmediate(resolve));
      first.reply(200, 'text/plain', 'first');
      const bodies = [await client.reply(), await client.reply(), await client.reply()].map(
        ({ body }) => body,
      );
      assert.deepEqual(bodies, ['first', 'second', 'pong']);
    });

    test('a burst of pipelined requests is answered completely', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      const count = 500;
      client.send('GET /ping HTTP/1.1\r\nhost: t\r\n\r\n'.repeat(count));
      for (let i = 0; i < count; i++) assert.equal((await client.reply()).body, 'pong');
    });

    test('connection: close is obeyed', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('GET', '/ping', undefined, ['connection: close']);
      const reply = await client.reply();
      assert.deepEqual([reply.body, reply.headers['connection']], ['pong', 'close']);
      await client.ended;
    });

    test('HTTP/1.0 is answered and closed', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.send('GET /ping HTTP/1.0\r\n\r\n');
      assert.equal((await client.reply()).body, 'pong');
      await client.ended;
    });

    const skip = makeBackend.endsWithClient === true;
    test(
      'a client that ends its side right after the request still gets a reply that is ready',
      { skip },
      async (context) => {
        const client = await (await startFixture(context, makeBackend)).client();
        client.socket.end('GET /ping HTTP/1.1\r\nhost: t\r\n\r\n');
        assert.equal((await client.reply()).body, 'pong');
        await client.closed;
      },
    );

    test('a client that ends its side while its request waits is gone', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      const held = await fixture.held();
      client.socket.end();
      await fixture.gone;
      assert.equal(fixture.server.inflight(), 0);
      held.reply(200, 'text/plain', 'too late');
      assert.deepEqual(fixture.logged, []);
      assert.deepEqual(
        fixture.access.map(({ status }) => status),
        [499],
      );
    });

    test('a reset while the request waits is told to the handler', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      await fixture.held();
      client.reset();
      await fixture.gone;
      assert.equal(fixture.server.inflight(), 0);
    });

    test('an abort in the middle of a body frees its memory', async (context) => {
      const fixture = await startFixture(context, makeBackend, { max_inflight_bytes: 1000 });
      const client = await fixture.client();
      client.send('POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\nabc');
      const other = await fixture.client();
      other.request('POST', '/echo', 'x');
      assert.equal((await other.reply()).status, 503);
      client.close();
      for (let status = 503; status !== 200;) {
        other.request('POST', '/echo', 'x');
        status = (await other.reply()).status;
      }
      assert.equal(fixture.server.inflight(), 0);
      assert.ok(fixture.access.some((entry) => entry.status === 499));
      assert.ok(fixture.access.every((entry) => entry.status !== 400));
    });

    test('clients that vanish at any moment leave nothing behind', async (context) => {
      const fixture = await startFixture(context, makeBackend, {
        max_inflight_bytes: 2000,
        linger_ms: 100,
      });
      const before = openSockets();
      for (let i = 0; i < 240; i++) {
        const client = await fixture.client();
        const stream = VANISHING[i % VANISHING.length] ?? '';
        client.send(stream.slice(0, (i * 37) % (stream.length + 1)));
        if (i % 2 === 0) await new Promise((resolve) => setImmediate(resolve));
        if (i % 3 === 0) client.reset();
        else if (i % 3 === 1) client.socket.end();
        else client.close();
      }
      const isOver = (): boolean => fixture.server.inflight() === 0 && openSockets() <= before;
      while (!isOver()) await new Promise((resolve) => setTimeout(resolve, 5));
      const [first, second] = [await fixture.client(), await fixture.client()];
      first.request('POST', '/hold', 'x'.repeat(1000));
      second.request('POST', '/hold', 'y'.repeat(1000));
      for (let i = 0; i < 2; i++) await heldBy(fixture, 1000); // the whole budget is there
      assert.deepEqual(fixture.logged, []);
    });

    test('headers that do not arrive in time: 408', async (context) => {
      const client = await (await startFixture(context, makeBackend, { header_timeout_ms: 80 })).client();
      client.send('GET /ping HTTP/1.1\r\nhost');
      assert.equal((await client.reply()).status, 408);
      await client.ended;
    });

    test('a connection that never says a word is ended', async (context) => {
      const client = await (await startFixture(context, makeBackend, { header_timeout_ms: 80 })).client();
      await client.ended;
    });

    test('a body that does not arrive in time: 408', async (context) => {
      const limits = { header_timeout_ms: 80, body_timeout_ms: 120 };
      const fixture = await startFixture(context, makeBackend, limits);
      const client = await fixture.client();
      client.send('POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 10\r\n\r\nabc');
      assert.equal((await client.reply()).status, 408);
      await client.ended;
      assert.equal(fixture.server.inflight(), 0);
    });

    test('an unwanted body that does not arrive in time ends the connection', async (context) => {
      const limits = { header_timeout_ms: 80, body_timeout_ms: 120 };
      const client = await (await startFixture(context, makeBackend, limits)).client();
      client.send('POST /nothing HTTP/1.1\r\nhost: t\r\ncontent-length: 1000\r\n\r\n');
      assert.equal((await client.reply()).status, 404);
      const dripping = setInterval(() => client.send('x'), 20); // never silent
      context.after(() => clearInterval(dripping));
      await client.ended;
    });

    test('the time of a request begins with its first byte, whatever came before it', async (context) => {
      const limits = { header_timeout_ms: 500, body_timeout_ms: 500 };
      const client = await (await startFixture(context, makeBackend, limits)).client();
      const request = 'GET /ping HTTP/1.1\r\nhost: t\r\n\r\n';
      client.send(request.slice(0, 9));
      for (let i = 0; i < 6; i++) {
        await new Promise((resolve) => setTimeout(resolve, 110)); // the passing time is the subject
        client.send(request.slice(9) + request.slice(0, 9));
        assert.equal((await client.reply()).body, 'pong');
      }
    });

    test('a silent kept-alive connection is ended after idle_timeout_ms', async (context) => {
      const client = await (await startFixture(context, makeBackend, { idle_timeout_ms: 50 })).client();
      client.request('GET', '/ping');
      await client.reply();
      await client.ended;
    });

    test('a request that waits longer than idle_timeout_ms is not cut off, and silence after it is', async (context) => {
      const fixture = await startFixture(context, makeBackend, { idle_timeout_ms: 30 });
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      const held = await fixture.held();
      await new Promise((resolve) => setTimeout(resolve, 120)); // the passing time is the subject
      held.reply(200, 'text/plain', 'late');
      assert.equal((await client.reply()).body, 'late');
      await client.ended;
    });

    test('connections beyond max_connections are refused, others go on', async (context) => {
      const fixture = await startFixture(context, makeBackend, { max_connections: 1 });
      const first = await fixture.client();
      first.request('GET', '/ping');
      await first.reply();
      const second = await fixture.client();
      await second.ended;
      first.request('GET', '/ping');
      assert.equal((await first.reply()).body, 'pong');
    });
  });
}
