/** Tests of the payload slots, alone and under frames. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { isSkyliftError } from '../../core/errors.ts';
import { decodeFrame } from './frame-decode.ts';
import { encodeFrame } from './frame-encode.ts';
import { PayloadSlots, readSlot } from './payload-slots.ts';

const MiB = 1024 * 1024;

describe('payload slots', { skip: !existsSync('/dev/shm') && 'no file system in memory' }, () => {
  let slots: PayloadSlots;

  before(() => {
    const opened = PayloadSlots.open();
    assert.ok(opened);
    slots = opened;
  });
  after(() => {
    slots.handedOver();
    slots.close();
  });

  function read(offset: number, sizeBytes: number): Buffer {
    const buffer = Buffer.alloc(sizeBytes);
    readSlot(slots.engineDescriptor, buffer, offset);
    return buffer;
  }

  function runFrame(tag: number, bytes: Uint8Array): readonly Uint8Array[] {
    const tensors = [{ dtype: 'uint8', dims: [bytes.length], chunks: [bytes] }] as const;
    return encodeFrame({ kind: 'run', tag, tensors }, 100 * MiB, slots);
  }

  test('what is written in pieces is read whole on the other side', () => {
    const offset = slots.write(1, [Buffer.from('pay'), Buffer.from('load')]);
    assert.ok(offset !== undefined);
    assert.equal(read(offset, 7).toString(), 'payload');
    slots.release(1);
  });

  test('a payload stays until its frame is released, then its place is free', () => {
    const offsets = [1, 2, 3, 4].map((tag) => slots.write(tag, [Buffer.from(`payload ${tag}`)]));
    assert.equal(new Set(offsets).size, 4);
    assert.equal(slots.write(5, [Buffer.from('no room')]), undefined);
    slots.release(77); // never had one
    assert.equal(slots.write(5, [Buffer.from('no room')]), undefined);
    slots.release(3);
    assert.equal(slots.write(5, [Buffer.from('payload 5')]), offsets[2]);
    assert.deepEqual(
      [0, 1, 2, 3].map((i) => read(offsets[i] ?? 0, 9).toString()),
      ['payload 1', 'payload 2', 'payload 5', 'payload 4'],
    );
    for (const tag of [1, 2, 4, 5]) slots.release(tag);
  });

  test('a payload that is larger than a slot is not taken', () => {
    assert.equal(slots.write(1, [new Uint8Array(4 * MiB + 1)]), undefined);
  });

  test('a frame with a large payload becomes small and is read again', () => {
    const bytes = new Uint8Array(600_001).fill(7);
    const chunks = runFrame(9, bytes);
    assert.equal(chunks.length, 1);
    assert.ok((chunks[0]?.length ?? 0) < 256);
    const frame = decodeFrame(chunks[0] ?? bytes, { readSlot: read });
    assert.deepEqual(frame.tensors[0]?.dims, [bytes.length]);
    assert.ok(Buffer.from(bytes).equals(frame.tensors[0]?.bytes ?? Buffer.alloc(0)));
    slots.release(9);
  });

  test('small payloads and those without a free slot stay in their frames', () => {
    assert.equal(runFrame(1, new Uint8Array(100)).length, 1);
    assert.equal(slots.write(2, [new Uint8Array(1)]), 0, 'the small one took no slot');
    for (const tag of [3, 4, 5]) slots.write(tag, [new Uint8Array(1)]);
    const chunks = runFrame(6, new Uint8Array(600_000));
    assert.ok(chunks.length > 1);
    assert.equal(decodeFrame(Buffer.concat(chunks)).tensors[0]?.bytes.length, 600_000);
    for (const tag of [2, 3, 4, 5]) slots.release(tag);
  });

  test('a frame that points to slots is refused by who has none, and beyond their end', () => {
    const [head] = runFrame(1, new Uint8Array(100_000));
    assert.ok(head);
    const refused = (error: unknown): boolean =>
      isSkyliftError(error) && error.code === 'SKY_ENGINE_PROTOCOL';
    assert.throws(() => decodeFrame(head), refused);
    const beyond = Buffer.from(head);
    beyond.writeUInt32LE(0xffff_0000, 32);
    assert.throws(() => decodeFrame(beyond, { readSlot: read }), refused);
    slots.release(1);
  });

  test('nothing is left in the file system, and a missing one is no error', () => {
    const left = readdirSync('/dev/shm').filter((name) => name.startsWith('skylift-'));
    assert.deepEqual(left, []);
    assert.equal(PayloadSlots.open('/dev/shm/no/such/folder'), undefined);
  });

  test('after the close nothing is written', () => {
    const other = PayloadSlots.open();
    other?.handedOver();
    other?.close();
    other?.close();
    assert.equal(other?.write(1, [new Uint8Array(10)]), undefined);
  });
});
