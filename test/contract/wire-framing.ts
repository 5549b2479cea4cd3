/** Wire contract, part 2: what is not HTTP, or could be read in two ways, is refused, and earlier requests are still answered. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { startFixture } from './wire-fixture.ts';
import type { MakeBackend } from './wire-fixture.ts';

const BAD_REQUESTS: readonly (readonly [name: string, bytes: string])[] = [
  [
    'content-length with transfer-encoding',
    'POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
  ],
  [
    'transfer-encoding with content-length',
    'POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n',
  ],
  [
    'two content-lengths',
    'POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 3\r\ncontent-length: 3\r\n\r\nabc',
  ],
  ['a negative content-length', 'POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: -3\r\n\r\nabc'],
  ['a content-length with a sign', 'POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: +3\r\n\r\nabc'],
  ['a content-length list', 'POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 3, 3\r\n\r\nabc'],
  ['a hexadecimal content-length', 'POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 0x3\r\n\r\nabc'],
  [
    'a content-length beyond 64 bits',
    'POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 99999999999999999999\r\n\r\nabc',
  ],
  ['whitespace before the colon', 'GET /ping HTTP/1.1\r\nhost : t\r\n\r\n'],
  ['a folded header', 'GET /ping HTTP/1.1\r\nhost: t\r\nx: a\r\n b\r\n\r\n'],
  ['bare line feeds', 'GET /ping HTTP/1.1\nhost: t\n\n'],
  ['a bare carriage return in a header', 'GET /ping HTTP/1.1\r\nhost: t\r\nx: a\rb\r\n\r\n'],
  ['NUL in a header value', 'GET /ping HTTP/1.1\r\nhost: t\r\nx: a\0b\r\n\r\n'],
  ['a header name that is no token', 'GET /ping HTTP/1.1\r\nhost: t\r\nx y: a\r\n\r\n'],
  ['no host', 'GET /ping HTTP/1.1\r\n\r\n'],
  ['two hosts', 'GET /ping HTTP/1.1\r\nhost: t\r\nhost: u\r\n\r\n'],
  ['an unknown method', 'BREW /ping HTTP/1.1\r\nhost: t\r\n\r\n'],
  ['an unknown version', 'GET /ping HTTP/3.7\r\nhost: t\r\n\r\n'],
  ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  [
    'a chunk size that is no number',
    'POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n',
  ],
  [
    'a chunk longer than its size',
    'POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcd\r\n0\r\n\r\n',
  ],
  [
    'a chunk size beyond 64 bits',
    'POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n10000000000000000f\r\nabc',
  ],
];

/** Malformed, ambiguous and oversized heads. */
export function framingContract(makeBackend: MakeBackend): void {
  describe('framing', () => {
    for (const [name, bytes] of BAD_REQUESTS)
      test(`${name}: 400 and the end of the connection`, async (context) => {
        const fixture = await startFixture(context, makeBackend);
        const client = await fixture.client();
        client.send(bytes);
        const reply = await client.reply();
        assert.equal(reply.status, 400);
        assert.equal(reply.headers['connection'], 'close');
        await client.ended;
        assert.equal(client.unread, '');
        assert.equal(fixture.server.inflight(), 0);
      });

    test('a transfer coding other than chunked: 501', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.send('POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n');
      assert.equal((await client.reply()).status, 501);
      await client.ended;
    });

    test('requests before the bad bytes are answered first, whatever their order of answers', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'one');
      const held = await fixture.held();
      client.send('GET /ping HTTP/1.1\r\nhost: t\r\n\r\nnot http at all\r\n\r\n');
      await new Promise((resolve) => setTimeout(resolve, 20)); // a reply now would be the fault
      assert.equal(client.unread, '');
      held.reply(200, 'text/plain', 'held');
      assert.equal((await client.reply()).body, 'held');
      assert.equal((await client.reply()).body, 'pong');
      assert.equal((await client.reply()).status, 400);
      await client.ended;
    });

    test('a client that goes on with bad bytes is refused once', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.send('bad\r\n\r\n');
      assert.equal((await client.reply()).status, 400);
      for (let i = 0; i < 5; i++) {
        client.send('bad\r\n\r\n');
        await new Promise((resolve) => setImmediate(resolve));
      }
      client.socket.end();
      await client.closed;
      assert.equal(client.unread, '');
      assert.deepEqual(fixture.logged, ['debug a connection sent bytes that are no request']);
    });

    test('a head at the limit passes, one above is refused with 431', async (context) => {
      const fixture = await startFixture(context, makeBackend, { max_header_bytes: 2048 });
      const client = await fixture.client();
      client.request('GET', '/ping', undefined, [`x: ${'a'.repeat(1800)}`]);
      assert.equal((await client.reply()).status, 200);
      client.request('GET', '/ping', undefined, [`x: ${'a'.repeat(2100)}`]);
      assert.equal((await client.reply()).status, 431);
      await client.ended;
    });

    test('a huge path is refused with 431', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('GET', `/${'a'.repeat(100_000)}`);
      assert.equal((await client.reply()).status, 431);
      await client.ended;
    });

    test('the number of headers is limited exactly', async (context) => {
      const fixture = await startFixture(context, makeBackend, { max_headers: 8 });
      const client = await fixture.client();
      const headers = (count: number): string[] => Array.from({ length: count }, (_, i) => `x-${i}: 1`);
      client.request('GET', '/ping', undefined, headers(7)); // and host
      assert.equal((await client.reply()).status, 200);
      client.request('GET', '/ping', undefined, headers(8));
      assert.equal((await client.reply()).status, 431);
      await client.ended;
    });

    test('mutated and truncated requests never end the server', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const seed = Buffer.from(
        'POST /echo HTTP/1.1\r\nhost: t\r\nx-request-id: a\r\ncontent-length: 5\r\n\r\nhello',
      );
      const mutation = fc.record({
        at: fc.nat(seed.length - 1),
        byte: fc.nat(255),
        cut: fc.nat(seed.length),
      });
      await fc.assert(
        fc.asyncProperty(mutation, async ({ at, byte, cut }) => {
          const bytes = Buffer.from(seed);
          bytes[at] = byte;
          const client = await fixture.client();
          client.socket.end(bytes.subarray(0, cut));
          await client.closed;
        }),
        { numRuns: 150 },
      );
      const client = await fixture.client();
      client.request('GET', '/ping');
      assert.equal((await client.reply()).body, 'pong');
      assert.equal(fixture.server.inflight(), 0);
    });
  });
}
