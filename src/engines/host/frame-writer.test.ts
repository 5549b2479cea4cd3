/** Writers: one write per turn, large payloads as they are. */
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { FrameWriter } from './frame-writer.ts';

/** A writer whose turns the test ends, with the chunks of each write of its stream. */
function makeWriter() {
  const writes: Buffer[][] = [];
  const turns: (() => void)[] = [];
  const stream = new Duplex({
    read: () => {},
    writev: (chunks, done) => {
      writes.push(chunks.map(({ chunk }) => chunk as Buffer));
      done();
    },
    write: (chunk: Buffer, _, done) => {
      writes.push([chunk]);
      done();
    },
  });
  const writer = new FrameWriter({ stream, maxBytes: 2 ** 20, later: (fn) => turns.push(fn) });
  return { writer, writes, stream, endTurn: () => turns.splice(0).forEach((fn) => fn()) };
}

test('small frames of a turn leave as one piece at its end', () => {
  const { writer, writes, endTurn } = makeWriter();
  writer.send({ kind: 'heartbeat' });
  writer.send({ kind: 'drop', tag: 1 });
  assert.equal(writes.length, 0);
  endTurn();
  assert.deepEqual(
    writes.map((chunks) => chunks.map((chunk) => chunk.length)),
    [[128]],
  );
  writer.send({ kind: 'heartbeat' });
  endTurn();
  assert.equal(writes.length, 2);
});

test('a large payload leaves in the same write without being copied', () => {
  const { writer, writes, endTurn } = makeWriter();
  const bytes = new Uint8Array(100_000);
  writer.send({ kind: 'heartbeat' });
  writer.send({ kind: 'run', tensors: [{ dtype: 'uint8', dims: [bytes.length], chunks: [bytes] }] });
  writer.send({ kind: 'heartbeat' });
  endTurn();
  assert.equal(writes.length, 1);
  const [head, payload, tail] = writes[0] ?? [];
  assert.equal(payload?.buffer, bytes.buffer);
  assert.equal(head?.length, 64 + 64);
  assert.equal(tail?.length, 32 + 64); // padding and the next frame
});

test('a frame with a large payload is written when its last byte is', () => {
  const done: (() => void)[] = [];
  const stream = new Duplex({
    read: () => {},
    writev: (_, callback) => void done.push(callback),
    write: (_chunk, _encoding, callback) => void done.push(callback),
  });
  const writer = new FrameWriter({ stream, maxBytes: 2 ** 20, later: () => {} });
  const tensors = [{ dtype: 'uint8', dims: [100_000], chunks: [new Uint8Array(100_000)] }] as const;
  writer.send({ kind: 'run', tag: 1, tensors });
  writer.send({ kind: 'drop', tag: 2 });
  assert.deepEqual([writer.isWritten(1), writer.isWritten(2)], [false, true]);
  writer.flush();
  writer.send({ kind: 'run', tag: 3, tensors });
  assert.equal(writer.isWritten(1), false);
  for (const callback of done.splice(0)) callback();
  return new Promise<void>((resolve) =>
    setImmediate(() => {
      assert.deepEqual([writer.isWritten(1), writer.isWritten(3)], [true, false]);
      resolve();
    }),
  );
});

test('flush writes at once, and the turn has nothing left', () => {
  const { writer, writes, endTurn } = makeWriter();
  writer.send({ kind: 'heartbeat' });
  writer.flush();
  assert.equal(writes.length, 1);
  endTurn();
  assert.equal(writes.length, 1);
});

test('a stream that was destroyed takes nothing and raises nothing', () => {
  const { writer, writes, stream, endTurn } = makeWriter();
  writer.send({ kind: 'heartbeat' });
  stream.destroy();
  endTurn();
  assert.equal(writes.length, 0);
});
