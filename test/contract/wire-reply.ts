/** Wire contract, part 1: what replies look like, byte for byte, and what happens to unusual requests. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { httpFailure } from '../../src/serve/server/error-reply.ts';
import type { HttpFailure } from '../../src/serve/server/error-reply.ts';
import { startFixture } from './wire-fixture.ts';
import type { MakeBackend } from './wire-fixture.ts';

/** Status lines, headers, methods, paths, errors. */
export function replyContract(makeBackend: MakeBackend): void {
  describe('replies', () => {
    test('a reply is exactly status, type, date, length, connection and body', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('GET', '/ping');
      const reply = await client.reply();
      assert.equal(reply.status, 200);
      assert.equal(reply.body, 'pong');
      assert.equal(client.unread, '');
      const { date, ...headers } = reply.headers;
      assert.ok(Number.isFinite(Date.parse(date ?? '')));
      assert.deepEqual(headers, {
        'content-type': 'text/plain',
        'content-length': '4',
        connection: 'keep-alive',
        'keep-alive': 'timeout=75',
      });
    });

    test('binary bodies come back unchanged', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i)).toString('latin1');
      client.request('POST', '/echo', every);
      assert.equal((await client.reply()).body, every);
    });

    test('a path in no route answers 404 with a code, and the connection stays', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('GET', '/nothing');
      const reply = await client.reply();
      assert.equal(reply.status, 404);
      assert.equal(JSON.parse(reply.body).code, 'SKY_ROUTE_NOT_FOUND');
      client.request('GET', '/ping');
      assert.equal((await client.reply()).body, 'pong');
    });

    for (const method of ['PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'POST'])
      test(`${method} on a GET route answers 405 and names what is allowed`, async (context) => {
        const client = await (await startFixture(context, makeBackend)).client();
        client.request(method, '/ping', 'body');
        const reply = await client.reply();
        assert.equal(reply.status, 405);
        assert.equal(reply.headers['allow'], 'GET');
        client.request('GET', '/ping');
        assert.equal((await client.reply()).body, 'pong');
      });

    test('a client that does not read is cut off before its replies fill the memory', async (context) => {
      const bytes = 2 * 1024 * 1024;
      const fixture = await startFixture(context, makeBackend, { max_unsent_bytes: 8 * bytes });
      const greedy = await fixture.client();
      greedy.socket.pause();
      for (let i = 0; i < 40; i++) greedy.request('POST', '/hold', 'x');
      const calls = [];
      for (let i = 0; i < 40; i++) calls.push(await fixture.held());
      for (const call of calls) call.reply(200, 'text/plain', 'x'.repeat(bytes));
      greedy.socket.resume();
      await Promise.race([greedy.ended, greedy.closed]);
      assert.deepEqual(fixture.logged, [
        'warn a client that does not read its replies is cut off (--max_unsent_bytes)',
      ]);
      assert.equal(fixture.server.inflight(), 0);
      const next = await fixture.client();
      for (let i = 0; i < 8; i++) {
        next.request('POST', '/hold', 'x');
        (await fixture.held()).reply(200, 'text/plain', 'x'.repeat(bytes));
        assert.equal((await next.reply()).body.length, bytes);
      }
    });

    test('HEAD is no method of the table: 405 without a body', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('HEAD', '/ping');
      assert.equal((await client.reply({ isHead: true })).status, 405);
      client.request('GET', '/ping');
      assert.equal((await client.reply()).body, 'pong');
    });

    test('CONNECT: a coded 400 behind the replies before it, the end, and nothing else', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      const held = await fixture.held();
      client.send('CONNECT example.org:80 HTTP/1.1\r\nhost: example.org\r\n\r\nbytes of a tunnel');
      const next = await fixture.client();
      next.request('GET', '/ping');
      assert.equal((await next.reply()).body, 'pong');
      held.reply(200, 'text/plain', 'held');
      assert.equal((await client.reply()).body, 'held');
      const { status, headers, body } = await client.reply();
      assert.deepEqual([status, headers['connection']], [400, 'close']);
      assert.equal(JSON.parse(body).code, 'SKY_REQUEST_INVALID');
      await client.ended;
    });

    test('a client that resets its connection after CONNECT does no harm', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      await fixture.held();
      client.send('CONNECT example.org:80 HTTP/1.1\r\nhost: example.org\r\n\r\n');
      const next = await fixture.client();
      next.request('GET', '/ping');
      assert.equal((await next.reply()).body, 'pong');
      client.reset();
      await fixture.gone;
      next.request('GET', '/ping');
      assert.equal((await next.reply()).body, 'pong');
    });

    test('path parameters are percent-decoded exactly once', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('GET', '/item/a%2Fb%2525%C3%A9'.replace('%C3%A9', '%c3%a9'));
      assert.equal((await client.reply()).body, '"a/b%25\u00c3\u00a9"', 'UTF-8 seen as latin1');
    });

    for (const bad of ['%', '%zz', '%ff', '%c3%28', '%ed%a0%80'])
      test(`the parameter ${bad} is no UTF-8: 400`, async (context) => {
        const client = await (await startFixture(context, makeBackend)).client();
        client.request('GET', `/item/${bad}`);
        assert.equal((await client.reply()).status, 400);
      });

    test('the query is split off and left alone', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('GET', '/query?a=%20?b');
      assert.equal((await client.reply()).body, '/query a=%20?b');
    });

    test('absolute-form targets are answered like their path', async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('GET', 'http://test:80/query?x');
      assert.equal((await client.reply()).body, '/query x');
    });

    test('a handler that throws costs a 500 with an id, and its words stay in the log', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('GET', '/throw', undefined, ['x-request-id: my-id.1']);
      const reply = await client.reply();
      assert.equal(reply.status, 500);
      assert.deepEqual([JSON.parse(reply.body).code, JSON.parse(reply.body).id], ['SKY_INTERNAL', 'my-id.1']);
      assert.doesNotMatch(reply.body, /secret/);
      assert.deepEqual(fixture.logged, ['error a request handler failed']);
    });

    test('a handler that throws when its client goes is logged, and the server goes on', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('POST', '/hold', 'x');
      const held = await fixture.held();
      const thrown = new Promise<void>((resolve) =>
        held.onGone(() => {
          resolve();
          throw new Error('cannot cancel');
        }),
      );
      client.close();
      await thrown;
      const other = await fixture.client();
      other.request('GET', '/ping');
      assert.equal((await other.reply()).body, 'pong');
      assert.deepEqual(fixture.logged, ['error a request handler failed']);
    });

    test('a second reply is ignored and logged', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('GET', '/twice');
      assert.equal((await client.reply()).body, 'first');
      client.request('GET', '/ping');
      assert.equal((await client.reply()).body, 'pong');
      assert.equal(fixture.logged.length, 1);
    });

    test('a reply header with a line break becomes a 500 and is logged', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('GET', '/bad-header');
      const reply = await client.reply();
      assert.deepEqual([reply.status, reply.headers['x-bad']], [500, undefined]);
      client.request('GET', '/ping');
      assert.equal((await client.reply()).body, 'pong');
      assert.equal(fixture.logged.length, 1);
    });

    test("a caller's request id is echoed; a bad one is replaced and not echoed", async (context) => {
      const client = await (await startFixture(context, makeBackend)).client();
      client.request('GET', '/ping', undefined, ['X-Request-Id: abc-1']);
      assert.equal((await client.reply()).headers['x-request-id'], 'abc-1');
      client.request('GET', '/ping', undefined, ['x-request-id: a b']);
      assert.equal((await client.reply()).headers['x-request-id'], undefined);
      client.request('GET', '/nothing', undefined, [`x-request-id: ${'a'.repeat(129)}`]);
      assert.match((await client.reply()).headers['x-request-id'] ?? '', /^[0-9a-f]{8}-\w+$/);
    });

    test('CORS headers are on every reply when switched on', async (context) => {
      const client = await (await startFixture(context, makeBackend, {}, { cors: true })).client();
      for (const path of ['/ping', '/nothing']) {
        client.request('GET', path);
        const { headers } = await client.reply();
        assert.equal(headers['access-control-allow-origin'], '*');
        assert.equal(headers['access-control-allow-methods'], 'POST, GET');
        assert.equal(headers['access-control-allow-headers'], 'Content-Type');
      }
    });

    test('a CORS header that the handler set is not sent twice', async (context) => {
      const client = await (await startFixture(context, makeBackend, {}, { cors: true })).client();
      client.request('GET', '/own-cors');
      const { headers, lines } = await client.reply();
      assert.equal(headers['access-control-allow-origin'], 'https://example.org');
      assert.equal(lines.filter((line) => /^access-control-allow-origin:/i.test(line)).length, 1);
    });

    test('a denied route answers before the body is read', async (context) => {
      const authorize = (): HttpFailure => httpFailure(503, 'SKY_UNAVAILABLE', 'not for you');
      const client = await (await startFixture(context, makeBackend, {}, { authorize })).client();
      client.send('POST /echo HTTP/1.1\r\nhost: t\r\ncontent-length: 10\r\n\r\n');
      assert.equal((await client.reply()).status, 503);
    });

    test('paths in no route are offered to the hooks first', async (context) => {
      const unmatched = [
        (call: { path: string; reply(status: number, type: string, body: string): void }): boolean => {
          if (!call.path.startsWith('/v1/')) return false;
          call.reply(400, 'application/json', '{"error": "Malformed request"}');
          return true;
        },
      ];
      const client = await (await startFixture(context, makeBackend, {}, { unmatched })).client();
      client.request('PUT', '/v1/foo');
      assert.deepEqual([(await client.reply()).status], [400]);
      client.request('PUT', '/v2/foo');
      assert.deepEqual([(await client.reply()).status], [404]);
    });

    test('the access log has one entry per request, with the pattern and never the path', async (context) => {
      const fixture = await startFixture(context, makeBackend);
      const client = await fixture.client();
      client.request('GET', '/item/secret?token=secret');
      await client.reply();
      client.request('POST', '/echo', 'four');
      await client.reply();
      const shown = fixture.access.map(({ method, route, status, bytesIn, bytesOut }) =>
        [method, route, status, bytesIn, bytesOut].join(' '),
      );
      assert.deepEqual(shown, ['GET /item/{name} 200 0 8', 'POST /echo 200 4 4']);
      assert.doesNotMatch(JSON.stringify(fixture.access), /secret/);
    });
  });
}
