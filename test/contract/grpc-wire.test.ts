/**
 * The contract of the gRPC wire: framing, limits, refusals, cancellation, drain and floods, with node:http2 as the client
 * where grpc-js would not send what is wrong.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { describe, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { replyMessage } from '../../src/serve/protocols/grpc-call.ts';
import { LIMIT_BYTES, closeOf, echoWriter, framed, replyOf, start } from './grpc-wire-fixture.ts';
import type { Reply } from './grpc-wire-fixture.ts';
import { RawClient } from './wire-client.ts';

/** The message behind field 1 of an echo. */
const echoed = ({ bytes }: Reply): string => bytes.subarray(7).toString();

const HELLO = Buffer.from('hello');

describe('framing', () => {
  test('a message comes back with its length and status 0, whatever the split of its bytes', async (context) => {
    const { call, open } = await start(context);
    const whole = await call('/t.T/Echo', framed(HELLO));
    assert.deepEqual([whole.http, whole.code, echoed(whole)], [200, '0', 'hello']);
    assert.deepEqual(whole.bytes, framed(Buffer.from('\x0a\x05hello')));
    const stream = open('/t.T/Echo');
    for (const byte of framed(HELLO)) {
      stream.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    stream.end();
    assert.equal(echoed(await replyOf(stream)), 'hello');
    assert.deepEqual(
      (await call('/t.T/Echo', framed(Buffer.alloc(0)))).bytes,
      framed(Buffer.from('\x0a\x00')),
    );
  });

  test('gzip and deflate are taken by message, and an encoding that nobody knows is UNIMPLEMENTED', async (context) => {
    const { call } = await start(context);
    const gzip = { 'grpc-encoding': 'gzip' };
    assert.equal(echoed(await call('/t.T/Echo', framed(gzipSync(HELLO), 1), gzip)), 'hello');
    assert.equal(echoed(await call('/t.T/Echo', framed(HELLO), gzip)), 'hello');
    const deflated = framed(deflateSync(HELLO), 1);
    assert.equal(echoed(await call('/t.T/Echo', deflated, { 'grpc-encoding': 'deflate' })), 'hello');
    const unknown = await call('/t.T/Echo', framed(HELLO, 1), { 'grpc-encoding': 'snappy' });
    assert.deepEqual(
      [unknown.code, unknown.headers['grpc-accept-encoding']],
      ['12', 'identity,deflate,gzip'],
    );
    assert.equal((await call('/t.T/Echo', framed(HELLO, 1), gzip)).code, '3');
    assert.equal((await call('/t.T/Echo', framed(HELLO, 1))).code, '3');
    const bomb = gzipSync(Buffer.alloc(100_000));
    assert.equal((await call('/t.T/Echo', framed(bomb, 1), gzip)).code, '8');
  });

  test('what is no single whole message is refused', async (context) => {
    const { call } = await start(context);
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from([0, 0, 0]),
      framed(HELLO).subarray(0, 8),
      Buffer.concat([framed(HELLO), Buffer.from([0])]),
      Buffer.concat([framed(HELLO), framed(HELLO)]),
      framed(HELLO, 2),
    ])
      assert.equal((await call('/t.T/Echo', bytes)).code, '3', bytes.toString('hex'));
  });

  test('a message above the limit is refused by its announced length', async (context) => {
    const { open, call } = await start(context);
    assert.equal((await call('/t.T/Echo', framed(Buffer.alloc(LIMIT_BYTES)))).code, '0');
    const stream = open('/t.T/Echo');
    stream.write(Buffer.from([0, 0xff, 0xff, 0xff, 0xff])); // and nothing more
    const reply = await replyOf(stream);
    assert.deepEqual(
      [reply.code, reply.text],
      [
        '8',
        `a body of ${2 ** 32 - 1} bytes is over the limit of ${LIMIT_BYTES} bytes (--grpc_max_message_bytes)`,
      ],
    );
    assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
  });
});

describe('status', () => {
  test('a failure has the code of its error and its text, cut at 1024 characters', async (context) => {
    const { call, access } = await start(context);
    const reply = await call('/t.T/Fail', framed(HELLO));
    assert.deepEqual([reply.http, reply.code], [200, '8']);
    assert.equal(reply.text, `full: ${'ü'.repeat(1018)}...TRUNCATED`);
    assert.deepEqual(
      [access[0]?.status, access[0]?.route, access[0]?.notes['error']],
      [429, '/t.T/Fail', 'SKY_OVERLOADED'],
    );
  });

  test('a defect tells nothing but the id of the request', async (context) => {
    const { call } = await start(context);
    const reply = await call('/t.T/Throw', framed(HELLO), { 'x-request-id': 'mine' });
    assert.deepEqual([reply.code, reply.text], ['13', 'Internal error. Request id: mine']);
  });

  test('an unknown method is UNIMPLEMENTED; routes of HTTP are none of gRPC, and the other way round', async (context) => {
    const { call, port } = await start(context);
    assert.equal((await call('/t.T/None', framed(HELLO))).code, '12');
    assert.equal((await call('/plain', framed(HELLO))).code, '12');
    const plain = (path: string): Promise<Response> =>
      fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body: 'x' });
    assert.equal(await (await plain('/plain')).text(), 'plain');
    assert.equal((await plain('/t.T/Echo')).status, 404);
  });

  test('what is not gRPC is refused in the words of HTTP', async (context) => {
    const { call } = await start(context);
    for (const type of ['application/json', 'application/grpc+json', 'application/grpc-web'])
      assert.equal((await call('/t.T/Echo', framed(HELLO), { 'content-type': type })).http, 415, type);
    for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc;x=y'])
      assert.equal((await call('/t.T/Echo', framed(HELLO), { 'content-type': type })).code, '0', type);
    assert.equal((await call('/t.T/Echo', framed(HELLO), { ':method': 'PUT' })).http, 405);
  });
});

describe('streams', () => {
  const echoes = (...texts: string[]): Buffer =>
    Buffer.concat(
      texts.map((text) => framed(Buffer.concat([Buffer.from([0x0a, text.length]), Buffer.from(text)]))),
    );

  test('each message is answered, in their order, whatever the split of the bytes', async (context) => {
    const { open, access } = await start(context);
    const sent = Buffer.concat([framed(HELLO), framed(Buffer.from('b')), framed(Buffer.from('cc'))]);
    for (const pieceBytes of [1, 3, sent.length]) {
      const stream = open('/t.T/EchoStream');
      const replied = replyOf(stream);
      for (let at = 0; at < sent.length; at += pieceBytes) {
        stream.write(sent.subarray(at, at + pieceBytes));
        await new Promise((resolve) => setImmediate(resolve));
      }
      stream.end();
      const { code, bytes } = await replied;
      assert.deepEqual([code, bytes], ['0', echoes('hello', 'b', 'cc')]);
    }
    assert.equal(access.length, 9);
  });

  test('a stream without messages ends well, one that is cut off does not', async (context) => {
    const { call } = await start(context);
    assert.equal((await call('/t.T/EchoStream', Buffer.alloc(0))).code, '0');
    assert.equal((await call('/t.T/EchoStream', framed(HELLO).subarray(0, 7))).code, '3');
    assert.equal((await call('/t.T/EchoStream', framed(Buffer.alloc(LIMIT_BYTES + 1)))).code, '8');
  });

  test('a failure ends the stream behind the answers before it', async (context) => {
    const { call } = await start(context);
    const sent = Buffer.concat([framed(HELLO), framed(Buffer.alloc(0)), framed(HELLO)]);
    const { code, text, bytes } = await call('/t.T/EchoStream', sent);
    assert.deepEqual([code, text, bytes], ['3', 'nothing to echo', echoes('hello')]);
    assert.equal((await call('/t.T/EchoStream', framed(Buffer.alloc(0)))).code, '3');
  });

  test('the next message waits for the answer to the one before', async (context) => {
    const { open, held, server } = await start(context);
    const stream = open('/t.T/HoldStream');
    stream.end(Buffer.concat([framed(HELLO), framed(Buffer.from('b'))]));
    const first = await held();
    assert.equal(server.inflight(), 1);
    replyMessage(first, echoWriter(first));
    const second = await held();
    replyMessage(second, echoWriter(second));
    assert.deepEqual((await replyOf(stream)).bytes, echoes('hello', 'b'));
  });

  test('a cancelled stream takes the message that is worked on with it', async (context) => {
    const { open, held } = await start(context);
    const stream = open('/t.T/HoldStream');
    stream.on('error', () => {});
    stream.write(framed(HELLO));
    const call = await held();
    const gone = new Promise<void>((resolve) => call.onGone(resolve));
    stream.close(constants.NGHTTP2_CANCEL);
    await gone;
  });

  test('a drain ends silent streams, and those with a message after its answer', async (context) => {
    const { open, held, server } = await start(context, { drain_idle_ms: 5, drain_ms: 40 });
    const silent = open('/t.T/EchoStream');
    silent.write(framed(HELLO));
    await once(silent, 'data');
    const late = open('/t.T/HoldStream');
    late.write(framed(HELLO));
    await held();
    const drained = server.drain();
    const [silentReply, lateReply] = await Promise.all([replyOf(silent), replyOf(late)]);
    assert.deepEqual([silentReply.code, lateReply.code], ['0', '14']);
    await drained;
  });
});

describe('one port', () => {
  test('the preface is found in any split of its bytes', async (context) => {
    const { port } = await start(context);
    const client = await RawClient.open({ host: '127.0.0.1', port });
    context.after(() => client.close());
    for (const character of 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n') {
      client.send(character);
      await new Promise((resolve) => setImmediate(resolve));
    }
    client.send(Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0)); // SETTINGS
    await once(client.socket, 'data');
    assert.equal(client.unread.charCodeAt(3), 4, 'a SETTINGS frame');
  });

  test('a request of HTTP/1.1 that begins like the preface is read as one', async (context) => {
    const { port } = await start(context);
    const client = await RawClient.open({ host: '127.0.0.1', port });
    context.after(() => client.close());
    client.send('P');
    await new Promise((resolve) => setImmediate(resolve));
    client.send('OST /plain HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n');
    assert.equal((await client.reply()).body, 'plain');
    client.send('PRI * HTTP/1.1\r\nhost: x\r\n\r\n');
    assert.equal((await client.reply()).status, 400);
  });

  test('connections of both protocols count together', async (context) => {
    const { port, session } = await start(context, { max_connections: 1 });
    await once(session, 'remoteSettings');
    const second = await RawClient.open({ host: '127.0.0.1', port });
    await second.ended;
    second.close();
  });
});

describe('ends', () => {
  test('a client that cancels its call is gone', async (context) => {
    const { open, held, access } = await start(context);
    const stream = open('/t.T/Hold');
    stream.on('error', () => {});
    stream.end(framed(HELLO));
    const call = await held();
    const gone = Promise.withResolvers<void>();
    call.onGone(() => gone.resolve());
    stream.close(constants.NGHTTP2_CANCEL);
    await gone.promise;
    assert.equal(access[0]?.status, 499);
  });

  test('all calls of a connection that breaks are gone', async (context) => {
    const { open, held, session, server } = await start(context);
    const goneCalls = [];
    for (let i = 0; i < 3; i++) {
      const stream = open('/t.T/Hold');
      stream.on('error', () => {});
      stream.end(framed(HELLO));
      const call = await held();
      goneCalls.push(new Promise<void>((resolve) => call.onGone(resolve)));
    }
    session.destroy();
    await Promise.all(goneCalls);
    assert.equal(server.inflight(), 0);
  });

  test('a message that does not come whole in time is refused', async (context) => {
    const { open } = await start(context, { body_timeout_ms: 40 });
    const stream = open('/t.T/Echo');
    stream.write(framed(HELLO).subarray(0, 7));
    assert.equal((await replyOf(stream)).code, '4');
  });

  test('a silent connection is closed, one whose call is being worked on is not', async (context) => {
    const { open, held, session } = await start(context, { idle_timeout_ms: 40 });
    const stream = open('/t.T/Hold');
    stream.end(framed(HELLO));
    const call = await held();
    await new Promise((resolve) => setTimeout(resolve, 100)); // longer than the timeout
    replyMessage(call, echoWriter(call));
    assert.equal(echoed(await replyOf(stream)), 'hello');
    await closeOf(session);
  });

  test('the budget of bytes is one for all calls, and is given back', async (context) => {
    const { call, open, held } = await start(context, { max_inflight_bytes: LIMIT_BYTES });
    const stream = open('/t.T/Hold');
    stream.end(framed(Buffer.alloc(LIMIT_BYTES)));
    const first = await held();
    assert.equal((await call('/t.T/Echo', framed(HELLO))).code, '8');
    replyMessage(first, echoWriter(first));
    await replyOf(stream);
    assert.equal((await call('/t.T/Echo', framed(HELLO))).code, '0');
  });

  test('a client that does not read its replies is cut off when the server holds too much', async (context) => {
    const { session, call } = await start(context, { max_unsent_bytes: 1024 * 1024 });
    const closed = closeOf(session);
    void call('/t.T/Big', framed(HELLO));
    await closed;
  });
});

describe('drain', () => {
  test('GOAWAY goes out at once, calls in flight are answered, then the connection ends', async (context) => {
    const { open, held, session, server } = await start(context, { drain_idle_ms: 5 });
    const stream = open('/t.T/Hold');
    stream.end(framed(HELLO));
    const call = await held();
    const goaway = once(session, 'goaway');
    const drained = server.drain();
    assert.equal((await goaway)[0], constants.NGHTTP2_NO_ERROR);
    replyMessage(call, echoWriter(call));
    assert.deepEqual([(await replyOf(stream)).code], ['0']);
    await drained;
  });

  test('what is not answered when the drain ends is UNAVAILABLE', async (context) => {
    const { open, held, server } = await start(context, { drain_ms: 20, drain_idle_ms: 5 });
    const stream = open('/t.T/Hold');
    stream.end(framed(HELLO));
    await held();
    const drained = server.drain();
    assert.equal((await replyOf(stream)).code, '14');
    await drained;
  });
});

describe('floods', () => {
  test('a connection has no more calls open than allowed', async (context) => {
    const { open, session, held } = await start(context, { grpc_max_streams: 2 });
    await once(session, 'remoteSettings');
    assert.equal(session.remoteSettings.maxConcurrentStreams, 2);
    open('/t.T/Hold').end(framed(HELLO));
    const first = await held();
    open('/t.T/Hold').end(framed(HELLO));
    await held();
    const third = open('/t.T/Echo'); // waits at the client
    third.end(framed(HELLO));
    let isFirstAnswered = false;
    setTimeout(() => {
      isFirstAnswered = true;
      replyMessage(first, echoWriter(first));
    }, 30);
    assert.equal(echoed(await replyOf(third)), 'hello');
    assert.ok(isFirstAnswered);
  });

  test('more headers than allowed are refused', async (context) => {
    const { call } = await start(context, { max_headers: 16 });
    const many = Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`x-${i}`, 'y']));
    assert.notEqual((await call('/t.T/Echo', framed(HELLO), many)).code, '0');
    assert.equal((await call('/t.T/Echo', framed(HELLO))).code, '0');
  });

  test('rapid resets end the connection', async (context) => {
    const { open, session } = await start(context);
    const closed = closeOf(session);
    for (let i = 0; i < 3000 && !session.destroyed; i++) {
      const stream = open('/t.T/Hold');
      stream.on('error', () => {});
      stream.close(constants.NGHTTP2_CANCEL);
      if (i % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await closed;
  });
});
