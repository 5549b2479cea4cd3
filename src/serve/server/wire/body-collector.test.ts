/** Tests of the body collector and its budget. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BodyCollector, firstReservation } from './body-collector.ts';
import { ByteBudget } from '../byte-budget.ts';

const MiB = 1024 * 1024;
const allocate = (sizeBytes: number): Buffer => Buffer.allocUnsafeSlow(sizeBytes);
const release = (): void => {};
const roomy = { reserve: () => true, allocate, release };
const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 3000 }), { minLength: 1, maxLength: 30 });

describe('body collector', () => {
  test('any split of a body of known length gives the same bytes in memory of exact size', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const whole = Buffer.concat(parts);
        const collector = new BodyCollector(roomy, whole.length, whole.length);
        const states = parts.map((part) => collector.add(part));
        assert.equal(states.indexOf('complete'), parts.length - 1);
        const body = collector.take();
        assert.ok(whole.equals(body));
        assert.equal(body.byteOffset, 0);
        assert.equal(body.buffer.byteLength, whole.length);
      }),
    );
  });

  test('any split of a body of unknown length gives the same bytes', () => {
    fc.assert(
      fc.property(pieces, (parts) => {
        const whole = Buffer.concat(parts);
        const collector = new BodyCollector(roomy, 1_000_000, undefined);
        for (const part of parts) assert.equal(collector.add(part), 'more');
        const body = collector.take();
        assert.ok(whole.equals(body));
      }),
    );
  });

  test('never asks for more memory than twice the body or the limit', () => {
    let [reserved, held] = [0, 0];
    const receiver = {
      reserve: (sizeBytes: number) => ((reserved += sizeBytes), true),
      allocate: (sizeBytes: number) => ((held += sizeBytes), allocate(sizeBytes)),
      release: (bytes: Buffer) => (held -= bytes.length),
    };
    const collector = new BodyCollector(receiver, 50_000, undefined);
    for (let i = 0; i < 50_000; i++) assert.equal(collector.add(Uint8Array.of(i & 255)), 'more');
    assert.deepEqual([reserved, held], [50_000, 50_000], 'what it outgrew is given back');
    assert.equal(collector.add(Uint8Array.of(0)), 'too-large');
  });

  test('a body that is announced holds little more than what has come of it, however it comes', () => {
    const [lengthBytes, pieceBytes] = [9 * MiB, 100_000];
    const whole = Buffer.alloc(lengthBytes, 'any bytes');
    for (const isInPlace of [true, false]) {
      let [reserved, held] = [firstReservation(lengthBytes), 0];
      const receiver = {
        reserve: (sizeBytes: number) => ((reserved += sizeBytes), true),
        allocate: (sizeBytes: number) => ((held += sizeBytes), allocate(sizeBytes)),
        release: (bytes: Buffer) => (held -= bytes.length),
      };
      const collector = new BodyCollector(receiver, lengthBytes, lengthBytes);
      assert.equal(reserved, MiB);
      for (let at = 0; at < lengthBytes; at = collector.filledBytes) {
        const piece = whole.subarray(at, at + pieceBytes);
        if (isInPlace) {
          const space = collector.space();
          assert.ok(space);
          const used = piece.copy(space);
          assert.ok(collector.isInPlace(space.subarray(0, used)));
          assert.equal(collector.advance(used), at + used === lengthBytes ? 'complete' : 'more');
        } else collector.add(piece);
        assert.equal(held, reserved);
        assert.ok(reserved <= Math.max(MiB, collector.filledBytes * 4), `${reserved} at ${at}`);
      }
      const body = collector.take();
      assert.ok(whole.equals(body));
      assert.deepEqual([held, body.byteOffset, body.buffer.byteLength], [lengthBytes, 0, lengthBytes]);
    }
  });

  test('a body that comes whole is kept as it came', () => {
    const piece = Buffer.from('whole');
    const collector = new BodyCollector(roomy, 5, 5);
    assert.equal(collector.keep(piece), 'complete');
    assert.equal(collector.take().buffer, piece.buffer);
  });

  test('stops when no memory is given', () => {
    const collector = new BodyCollector({ ...roomy, reserve: () => false }, 1000, undefined);
    assert.equal(collector.add(Uint8Array.of(1)), 'over-budget');
  });

  test('stops when the machine has no memory', () => {
    const noMemory = (): Buffer => {
      throw new RangeError('Array buffer allocation failed');
    };
    for (const lengthBytes of [undefined, 1000]) {
      const collector = new BodyCollector({ ...roomy, allocate: noMemory }, 1000, lengthBytes);
      assert.equal(collector.add(Uint8Array.of(1)), 'no-memory');
    }
  });
});

describe('byte budget', () => {
  test('gives up to its limit and takes back', () => {
    const budget = new ByteBudget(10);
    assert.equal(budget.tryTake(10), true);
    assert.equal(budget.tryTake(1), false);
    assert.equal(budget.usedBytes, 10);
    budget.give(4);
    assert.equal(budget.tryTake(4), true);
  });
});
