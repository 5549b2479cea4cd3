import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../core/errors.ts';
import { rawTensor, typedView } from './packed.ts';
import { concatRows, sliceRows } from './rows.ts';
import { tensor, tensorValues } from './values.ts';

const invalid = (message: RegExp) => ({ code: 'SKY_TENSOR_INVALID', message });

test('packs values little-endian and gives them back', () => {
  const pixels = tensor('float32', [1, 2], [0.5, -2]);
  assert.deepEqual([...pixels.bytes], [0, 0, 0, 0x3f, 0, 0, 0, 0xc0]);
  assert.deepEqual(tensorValues(pixels), [0.5, -2]);
  assert.deepEqual(tensorValues(tensor('bool', [2], [true, false])), [true, false]);
  assert.deepEqual(tensorValues(tensor('int64', [2], [-1n, 5])), [-1n, 5n]);
  assert.deepEqual(tensorValues(tensor('float16', [], [1.5])), [1.5]);
  assert.deepEqual(
    tensorValues(tensor('string', [1], ['é'])),
    [Uint8Array.from(Buffer.from('é'))].map((bytes) => Buffer.from(bytes)),
  );
});

test('views a matching typed array and refuses another', () => {
  const values = Float32Array.of(1, 2);
  const viewed = tensor('float32', [2], values);
  values[0] = 7;
  assert.deepEqual(tensorValues(viewed), [7, 2]);
  assert.throws(() => tensor('int32', [2], values as never), invalid(/Float32Array does not hold int32/));
});

test('refuses a wrong number of values, wrong types and values out of range', () => {
  assert.throws(() => tensor('int8', [2, 2], [1]), invalid(/int8\[2,2\] needs 4 values, not 1/));
  assert.throws(() => tensor('int8', [1], [128]), invalid(/element 0 is 128, which int8 cannot hold/));
  assert.throws(() => tensor('uint64', [2], [1, -1n]), invalid(/element 1 is -1/));
  assert.throws(() => tensor('int32', [1], [1.5]), invalid(/1.5/));
  assert.throws(() => tensor('int64', [1], [2 ** 53]), invalid(/9007199254740992/));
  assert.throws(() => tensor('bool', [1], [1]), invalid(/bool cannot hold/));
  assert.throws(() => tensor('float32', [1], ['1']), invalid(/a string, which float32/));
  assert.throws(() => tensor('string', [1], [1]), invalid(/number, not text or bytes/));
});

test('takes raw bytes only of the size that dtype and dims need', () => {
  assert.throws(
    () => rawTensor('float32', [2], new Uint8Array(7)),
    invalid(/float32\[2\] needs 8 bytes, not 7/),
  );
  assert.throws(() => rawTensor('float32', [-1], new Uint8Array(0)), invalid(/dimension -1/));
  assert.throws(() => rawTensor('int8', [100], new Uint8Array(100), 99), { code: 'SKY_REQUEST_TOO_LARGE' });
  const bytes = new Uint8Array(8);
  assert.equal(rawTensor('float32', [2], bytes).bytes, bytes);
});

test('copies only when the bytes are not aligned', () => {
  const buffer = new Uint8Array(12);
  new DataView(buffer.buffer).setFloat32(4, 1.5, true);
  new DataView(buffer.buffer).setFloat32(1, 2.5, true);
  const aligned = { dtype: 'float32', dims: [1], bytes: buffer.subarray(4, 8) } as const;
  const unaligned = { dtype: 'float32', dims: [1], bytes: buffer.subarray(1, 5) } as const;
  assert.equal(typedView(aligned).buffer, buffer.buffer);
  assert.notEqual(typedView(unaligned).buffer, buffer.buffer);
  assert.deepEqual([...typedView(unaligned)], [2.5]);
});

test('puts rows together and takes them apart', () => {
  const first = tensor('int16', [1, 2], [1, 2]);
  const both = concatRows([first, tensor('int16', [2, 2], [3, 4, 5, 6])]);
  assert.deepEqual(both.dims, [3, 2]);
  assert.deepEqual(tensorValues(sliceRows(both, 1, 2)), [3, 4, 5, 6]);
  assert.equal(sliceRows(both, 1, 2).bytes.buffer, both.bytes.buffer);
  assert.equal(concatRows([first]), first);
  assert.throws(() => concatRows([first, tensor('int16', [1, 3], [1, 2, 3])]), {
    code: 'SKY_TENSOR_SHAPE_MISMATCH',
    message: /int16\[1,3\] beside int16\[1,2\]/,
  });
  assert.throws(() => sliceRows(both, 2, 2), invalid(/rows 2 to 4 of a tensor with 3/));
  assert.throws(() => sliceRows(tensor('int8', [], [1]), 0, 1), invalid(/a scalar has no rows/));
});

test('property: string rows survive concatenation and slicing', () => {
  const row = fc.array(fc.uint8Array({ maxLength: 5 }), { minLength: 2, maxLength: 2 });
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 6 }), fc.nat(), (rows, where) => {
      const all = concatRows(rows.map((elements) => tensor('string', [1, 2], elements)));
      const index = where % rows.length;
      const slice = sliceRows(all, index, 1);
      assert.deepEqual(
        tensorValues(slice).map((bytes) => Uint8Array.from(bytes as Uint8Array)),
        rows[index],
      );
      rawTensor('string', slice.dims, slice.bytes);
    }),
  );
});

test('property: truncated and mutated string tensors are read or refused with a code', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string(), { maxLength: 4 }),
      fc.nat(),
      fc.option(fc.nat({ max: 255 })),
      (texts, position, byte) => {
        const whole = tensor('string', [texts.length], texts).bytes;
        const at = position % (whole.length + 1);
        const bytes = byte === null ? whole.slice(0, at) : whole.slice();
        if (byte !== null && at < bytes.length) bytes[at] = byte;
        try {
          tensorValues(rawTensor('string', [texts.length], bytes));
        } catch (error) {
          assert.ok(isSkyliftError(error) && error.code === 'SKY_TENSOR_INVALID', String(error));
        }
      },
    ),
  );
});
