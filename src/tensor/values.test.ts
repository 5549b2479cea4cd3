import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../core/errors.ts';
import { rawTensor, typedView } from './packed.ts';
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
