/** Tests of reused buffers: nobody gets memory that somebody else holds. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BufferPool } from './buffer-pool.ts';

const KiB = 1024;

describe('buffer pool', () => {
  test('memory that was given back is used again for a request of about its size', () => {
    const pool = new BufferPool(1024 * KiB);
    const first = pool.take(100 * KiB);
    pool.give(first.subarray(10, 20));
    const second = pool.take(120 * KiB);
    assert.equal(second.buffer, first.buffer);
    assert.deepEqual([second.length, second.byteOffset], [120 * KiB, 0]);
  });

  test('memory is not wasted on much smaller requests', () => {
    const pool = new BufferPool(1024 * KiB);
    const large = pool.take(512 * KiB);
    pool.give(large);
    assert.notEqual(pool.take(70 * KiB).buffer, large.buffer);
    assert.equal(pool.take(300 * KiB).buffer, large.buffer);
  });

  test('no more than the limit is kept', () => {
    const pool = new BufferPool(200 * KiB);
    const [first, second] = [pool.take(128 * KiB), pool.take(128 * KiB)];
    pool.give(first);
    pool.give(second);
    assert.equal(pool.take(128 * KiB).buffer, first.buffer);
    assert.notEqual(pool.take(128 * KiB).buffer, second.buffer);
  });

  test('what is given twice, or is not of the pool, is ignored', () => {
    const pool = new BufferPool(1024 * KiB);
    const mine = pool.take(100 * KiB);
    pool.give(mine);
    pool.give(mine);
    pool.give(Buffer.alloc(100 * KiB));
    const [first, second] = [pool.take(100 * KiB), pool.take(100 * KiB)];
    assert.equal(first.buffer, mine.buffer);
    assert.notEqual(second.buffer, mine.buffer);
  });

  test('two holders never share memory, whatever is taken and given', () => {
    const step = fc.record({ sizeBytes: fc.nat(300 * KiB), giveAt: fc.option(fc.nat(9)) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const pool = new BufferPool(600 * KiB);
        const held: Buffer[] = [];
        for (const { sizeBytes, giveAt } of steps) {
          const taken = pool.take(sizeBytes);
          assert.equal(taken.length, sizeBytes);
          assert.ok(held.every(({ buffer }) => buffer !== taken.buffer));
          held.push(taken);
          const [given] = giveAt === null ? [] : held.splice(giveAt, 1);
          if (given) pool.give(given);
        }
      }),
    );
  });
});
