/** Rows: joining and parting are each other's reverse. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeStrings } from './strings.ts';
import type { Tensor } from './tensor.ts';
import { haveRows, joinRows, splitJobs, splitRows } from './rows.ts';

const rowCounts = fc.array(fc.nat(4), { minLength: 2, maxLength: 5 });

const numericParts = fc.tuple(rowCounts, fc.nat(3)).map(([counts, width]) =>
  counts.map((rows, i): Tensor => {
    const values = new Int16Array(rows * width).fill(i);
    return { dtype: 'int16', dims: [rows, width], bytes: new Uint8Array(values.buffer) };
  }),
);

const stringParts = fc
  .array(fc.array(fc.string({ maxLength: 6 }), { maxLength: 4 }), { minLength: 2, maxLength: 5 })
  .map((parts) =>
    parts.map((texts): Tensor => ({ dtype: 'string', dims: [texts.length], bytes: encodeStrings(texts) })),
  );

function plain({ dtype, dims, bytes }: Tensor): unknown {
  return { dtype, dims, bytes: [...bytes] };
}

test('rows that were joined are parted again', () => {
  fc.assert(
    fc.property(fc.oneof(numericParts, stringParts), (parts) => {
      const { dtype, dims, chunks } = joinRows(parts);
      const whole = { dtype, dims, bytes: new Uint8Array(Buffer.concat(chunks)) };
      const counts = parts.map((part) => part.dims[0] ?? 0);
      assert.ok(
        haveRows(
          [whole],
          counts.reduce((sum, count) => sum + count, 0),
        ),
      );
      const split = splitRows(whole, counts);
      assert.deepEqual(split.map(plain), parts.map(plain));
      for (const part of split) assert.equal(part.bytes.buffer, whole.bytes.buffer);
    }),
  );
});

test('a single job keeps its tensors, also scalars', () => {
  const scalar: Tensor = { dtype: 'uint8', dims: [], bytes: new Uint8Array(1) };
  assert.deepEqual(splitJobs([scalar], [1]), [[scalar]]);
  assert.deepEqual(joinRows([scalar]).dims, []);
  assert.equal(haveRows([scalar], 1), false);
});

test('tensors are parted by job', () => {
  const a: Tensor = { dtype: 'uint8', dims: [3], bytes: new Uint8Array([1, 2, 3]) };
  const b: Tensor = { dtype: 'uint8', dims: [3, 2], bytes: new Uint8Array([4, 4, 5, 5, 6, 6]) };
  const jobs = splitJobs([a, b], [1, 2]).map((tensors) => tensors.map((tensor) => [...tensor.bytes]));
  assert.deepEqual(jobs, [
    [[1], [4, 4]],
    [
      [2, 3],
      [5, 5, 6, 6],
    ],
  ]);
});
