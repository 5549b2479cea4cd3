/** Wire contract, part 3: bodies: limits before allocation, chunks, gzip, 100-continue, refusals that reach the client. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import type { RawClient, RawReply } from './wire-client.ts';
import { ECHO_LIMIT_BYTES, HUGE_LIMIT_BYTES, LARGE_LIMIT_BYTES, startFixture } from './wire-fixture.ts';
import type { MakeBackend } from './wire-fixture.ts';

const CHUNKED_HEAD = 'POST /echo HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n';

/** Request bodies. */
export function bodyContract(makeBackend: MakeBackend): void {
  describe('bodies', () => {
    for (const size of [0, 1, ECHO_LIMIT_BYTES - 1, ECHO_LIMIT_BYTES])
      test(`a body of ${size} bytes passes, whole and in chunks`, async (context) => {
        const client = await (await startFixture(context, makeBackend)).client();
        client.request('POST', '/echo', 'x'.repeat(size));
        assert.equal((await client.reply()).body.length, size);
        const chunk = size === 0 ? '' : `${size.toString(16)}\r\n${'y'.repeat(size)}\r\n`;
        client.send(`${CHUNKED_HEAD}${chunk}0\r\n\r\n`);
        assert.equal((await client.reply()).body, 'y'.repeat(size));
      });

    test('a body one byte above the limit: 413, before a byte of it came', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.send(`POST /large HTTP/1.1\r\nhost: t\r\ncontent-length: ${LARGE_LIMIT_BYTES + 1}\r\n\r\n`);
      const reply = await client.reply();
      assert.equal(reply.status, 413);
      assert.match(reply.body, /1048577 bytes is over the limit of 1048576/);
      assert.equal(reply.headers['connection'], 'close');
      await client.ended;
    });

    test('chunks one byte above the limit: 413', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.send(`${CHUNKED_HEAD}3e8\r\n${'x'.repeat(1000)}\r\n1\r\nx\r\n0\r\n\r\n`);
      assert.equal((await client.reply()).status, 413);
      await client.ended;
    });

    test('a client that sends a far too large body all the same gets to read the refusal', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      const size = 32 * 1024 * 1024;
      client.send(`POST /large HTTP/1.1\r\nhost: t\r\ncontent-length: ${size}\r\n\r\n`);
      await sendAll(client, size);
      assert.equal((await client.reply()).status, 413);
    });

    test('a request after a reply that closed the connection is not taken', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.send(`${CHUNKED_HEAD}7d0\r\n${'x'.repeat(2000)}\r\n`);
      assert.equal((await client.reply()).headers['connection'], 'close');
      client.send('0\r\n\r\n');
      client.request('POST', '/hold', 'x');
      client.socket.end();
      await client.closed;
      await fixture.server.close();
      assert.deepEqual(
        fixture.access.map(({ status }) => status),
        [413],
      );
    });

    test('an unwanted small body is dropped and the connection stays', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('POST', '/nothing', 'some body');
      assert.equal((await client.reply()).status, 404);
      client.request('GET', '/ping');
      assert.equal((await client.reply()).body, 'pong');
    });

    test('a body that arrives byte by byte is whole', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.send('POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 26\r\n\r\n');
      for (const letter of 'abcdefghijklmnopqrstuvwxyz') {
        client.send(letter);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal((await client.reply()).body, 'abcdefghijklmnopqrstuvwxyz');
    });

    test('many tiny chunks are one body', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.send(`POST /large HTTP/1.1\r\nhost: t\r\ntransfer-encoding: chunked\r\n\r\n`);
      client.send(`${'1\r\nx\r\n'.repeat(50_000)}0\r\n\r\n`);
      assert.equal((await client.reply()).body, '50000');
    });

    test('bodies beyond max_inflight_bytes: 503 with retry-after, and room again after the reply', async (context) => {
      const fixture = await startFixture(context, makeBackend, { max_inflight_bytes: 1500 });
      const [first, second] = [await fixture.client(), await fixture.client()];
      first.request('POST', '/hold', 'x'.repeat(1000));
      const held = await fixture.held();
      second.request('POST', '/echo', 'y'.repeat(501));
      const refused = await second.reply();
      assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '1']);
      held.reply(200, 'text/plain', 'ok');
      await first.reply();
      second.request('POST', '/echo', 'y'.repeat(501));
      assert.equal((await second.reply()).status, 200);
    });

    for (const sizeBytes of [1, 5000, 60_000])
      test(`a refused body of ${sizeBytes} bytes is not taken for the next request`, async (context) => {
        const fixture = await startFixture(context, makeBackend, { max_inflight_bytes: 1000 });
        const [holder, client] = [await fixture.client(), await fixture.client()];
        holder.request('POST', '/hold', 'x'.repeat(1000));
        await fixture.held();
        for (let i = 0; i < 3; i++) {
          client.request('POST', '/large', 'y'.repeat(sizeBytes));
          client.request('GET', '/ping');
          assert.equal((await client.reply()).status, 503);
          assert.equal((await client.reply()).body, 'pong');
        }
      });

    test('a body counts as it comes: who announces much and sends nothing keeps nobody out', async (context) => {
      const fixture = await startFixture(context, makeBackend, {
        max_body_bytes: HUGE_LIMIT_BYTES,
        max_inflight_bytes: HUGE_LIMIT_BYTES,
      });
      for (let i = 0; i < 8; i++)
        (await fixture.client()).send(
          `POST /huge HTTP/1.1\r\nhost: t\r\ncontent-length: ${HUGE_LIMIT_BYTES}\r\n\r\n`,
        );
      const body = randomBytes(6 * 1024 * 1024).toString('latin1');
      const client = await fixture.client();
      client.request('POST', '/huge', body);
      const digest = createHash('sha256').update(body, 'latin1').digest('hex');
      assert.equal((await client.reply()).body, `${body.length} ${digest}`);
      client.request('POST', '/huge', body + body);
      assert.equal((await client.reply()).status, 503, 'only what is left may come');
      await client.ended;
    });

    test('chunked bodies count against max_inflight_bytes too', async (context) => {
      const client = await (await startFixture(context, makeBackend, { max_inflight_bytes: 10 })).client();
      client.send(`${CHUNKED_HEAD}b\r\nhello world\r\n0\r\n\r\n`);
      assert.equal((await client.reply()).status, 503);
    });

    for (const framing of [`content-length: ${300 * 1024}`, 'transfer-encoding: chunked'])
      test(`no memory for a body (${framing}): 503, and the server goes on`, async (context) => {
        const fixture = await startFixture(context, makeBackend);
        const client = await fixture.client();
        const size = framing.startsWith('transfer') ? '40000\r\n' : '';
        const head = `POST /large HTTP/1.1\r\nhost: t\r\n${framing}\r\n\r\n${size}`;
        const bytes = Buffer.from(head + 'x'.repeat(200 * 1024)); // before there is no memory for the client either
        const allocating = context.mock.method(Buffer, 'allocUnsafeSlow', () => {
          throw new RangeError('Array buffer allocation failed');
        });
        client.send(bytes);
        const reply = await client.reply();
        assert.deepEqual([reply.status, reply.headers['retry-after']], [503, '1']);
        assert.match(reply.body, /SKY_OVERLOADED/);
        allocating.mock.restore();
        const other = await fixture.client();
        other.request('POST', '/large', 'y'.repeat(300 * 1024));
        assert.equal((await other.reply()).body, String(300 * 1024));
        assert.equal(fixture.server.inflight(), 0);
      });

    test('100-continue is sent after the checks, and only then', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.send('POST /echo HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n');
      assert.equal((await client.reply()).status, 100);
      client.send('hello');
      assert.equal((await client.reply()).body, 'hello');
      client.send('POST /echo HTTP/1.1\r\nhost: t\r\nexpect: 100-continue\r\ncontent-length: 5000\r\n\r\n');
      assert.equal((await client.reply()).status, 413);
      await client.ended;
    });

    for (const expectation of ['miracles', '100-continue, miracles'])
      test(`the expectation "${expectation}" is not known: 417 with a code, and the end`, async (context) => {
        const client = await (await startFixture(context, makeBackend)).client();
        client.request('POST', '/echo', 'first');
        client.request('POST', '/echo', 'x', [`expect: ${expectation}`]);
        assert.equal((await client.reply()).body, 'first');
        const { status, body } = await client.reply();
        assert.deepEqual([status, JSON.parse(body).code], [417, 'SKY_REQUEST_INVALID']);
        await client.ended;
        assert.equal(client.unread, '');
      });

    test('a gzip body arrives plain', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      const reply = await postGzip(client, gzipSync('hello gzip'));
      assert.deepEqual([reply.status, reply.body], [200, 'hello gzip']);
    });

    test('a deflate body arrives plain', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      const packed = deflateSync('hello deflate').toString('latin1');
      client.request('POST', '/echo', packed, ['content-encoding: deflate']);
      const reply = await client.reply();
      assert.deepEqual([reply.status, reply.body], [200, 'hello deflate']);
    });

    test('a gzip body obeys the body limit after expansion', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      assert.equal((await postGzip(client, gzipSync('x'.repeat(ECHO_LIMIT_BYTES)))).status, 200);
      assert.equal((await postGzip(client, gzipSync('x'.repeat(ECHO_LIMIT_BYTES + 1)))).status, 413);
    });

    test('a gzip bomb under the body limit is refused by its ratio', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      const reply = await postGzip(client, gzipSync(Buffer.alloc(900 * 1024)), '/large');
      assert.equal(reply.status, 413);
      assert.match(reply.body, /expands to more than/);
      assert.equal(fixture.server.inflight(), 0);
    });

    for (const [name, bytes] of [
      ['text', Buffer.from('not gzip')],
      ['a truncated stream', gzipSync('hello').subarray(0, 12)],
    ] as const)
      test(`${name} that claims to be gzip: 400`, async (context) => {
        const client = await (await startFixture(context, makeBackend)).client();
        assert.equal((await postGzip(client, bytes)).status, 400);
      });

    test('a content-encoding that is not known: 415', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('POST', '/echo', 'x', ['content-encoding: br']);
      assert.equal((await client.reply()).status, 415);
    });
  });
}

function postGzip(client: RawClient, bytes: Buffer, path = '/echo'): Promise<RawReply> {
  client.request('POST', path, bytes.toString('latin1'), ['content-encoding: gzip']);
  return client.reply();
}

/** Sends as a plain client does: all of it, without looking for an early reply. */
async function sendAll(client: RawClient, sizeBytes: number): Promise<void> {
  const piece = Buffer.alloc(256 * 1024, 'x');
  for (let sent = 0; sent < sizeBytes; sent += piece.length)
    if (!client.socket.write(piece))
      await new Promise<void>((resolve) => client.socket.once('drain', resolve));
}
