import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../core/errors.ts';
import { ReplyReader } from './reply-reader.ts';
import type { Reply } from './reply-reader.ts';

const PLAIN = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello';
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;note=x\r\nhel\r\n2\r\nlo\r\n0\r\nTrailer: 1\r\n\r\n';
const UNTIL_CLOSE = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello';
const INTERIM = `HTTP/1.1 100 Continue\r\n\r\n${PLAIN}`;

/** Feeds the pieces and returns the reply, or undefined when it is not whole at the end. */
function read(pieces: readonly Uint8Array[]): Reply | undefined {
  const reader = new ReplyReader();
  let reply: Reply | undefined;
  for (const piece of pieces) reply ??= reader.push(piece);
  return reply ?? reader.end();
}

function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((edge, i) => bytes.subarray(edges[i], edge));
}

test('a reply reads the same however it is cut into pieces', () => {
  for (const text of [PLAIN, CHUNKED, UNTIL_CLOSE, INTERIM]) {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) => {
        const reply = read(split(Buffer.from(text), cuts));
        assert.equal(Buffer.from(reply?.body ?? []).toString(), 'hello');
        assert.equal(reply?.status, 200);
      }),
      { numRuns: 60 },
    );
  }
});

test('a truncated reply with a length is never whole', () => {
  for (const text of [PLAIN, CHUNKED, INTERIM])
    for (let length = 0; length < text.length; length++)
      assert.equal(read([Buffer.from(text.slice(0, length))]), undefined, `${length} bytes of ${text}`);
});

test('mutated replies are read or refused with a coded error, nothing else', () => {
  const anyReply = fc.constantFrom(PLAIN, CHUNKED, UNTIL_CLOSE, INTERIM);
  const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(anyReply, fc.array(mutation, { minLength: 1, maxLength: 4 }), (text, mutations) => {
      const bytes = Buffer.from(text);
      for (const [at, byte] of mutations) bytes[at % bytes.length] = byte;
      try {
        read([bytes]);
      } catch (error) {
        assert.ok(isSkyliftError(error) && error.code === 'SKY_REMOTE', String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('a connection is kept unless the reply says otherwise', () => {
  const mustClose = (text: string): boolean | undefined => read([Buffer.from(text)])?.mustClose;
  assert.equal(mustClose(PLAIN), false);
  assert.equal(mustClose(UNTIL_CLOSE), true);
  assert.equal(mustClose(PLAIN.replace('HTTP/1.1', 'HTTP/1.0')), true);
  assert.equal(mustClose(PLAIN.replace('Content-Type: text/plain', 'Connection: close')), true);
});

test('bytes behind a reply are refused: nothing else was asked for', () => {
  assert.throws(() => read([Buffer.from(`${PLAIN}more`)]), { code: 'SKY_REMOTE' });
});

test('several replies follow each other on one connection', () => {
  const reader = new ReplyReader();
  const statuses = [PLAIN, CHUNKED, PLAIN].map((text) => reader.push(Buffer.from(text))?.status);
  assert.deepEqual(statuses, [200, 200, 200]);
});

test('a status without a body ends with its head', () => {
  assert.equal(read([Buffer.from('HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n')])?.body.length, 0);
});
