import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeadlineHeap } from './deadline-heap.ts';

test('takes ids in order of their deadlines, however many were removed in between', () => {
  const operations = fc.array(fc.record({ id: fc.nat(200), atMs: fc.nat(1000), isRemoved: fc.boolean() }), {
    maxLength: 400,
  });
  fc.assert(
    fc.property(operations, (steps) => {
      const heap = new DeadlineHeap();
      const expected = new Map<number, number>();
      for (const { id, atMs, isRemoved } of steps) {
        if (isRemoved) {
          heap.remove(id);
          expected.delete(id);
        } else if (!expected.has(id)) {
          heap.add(id, atMs);
          expected.set(id, atMs);
        }
      }
      assert.equal(heap.size, expected.size);
      assert.equal(heap.earliestMs(), Math.min(Infinity, ...expected.values()));
      const taken: number[] = [];
      for (let id = heap.takeExpired(Infinity); id !== undefined; id = heap.takeExpired(Infinity))
        taken.push(expected.get(id) ?? NaN);
      assert.deepEqual(
        taken,
        [...expected.values()].sort((a, b) => a - b),
      );
    }),
  );
});

test('leaves deadlines that have not come', () => {
  const heap = new DeadlineHeap();
  heap.add(1, 10);
  heap.add(2, 20);
  assert.equal(heap.takeExpired(15), 1);
  assert.equal(heap.takeExpired(15), undefined);
  assert.equal(heap.earliestMs(), 20);
});
