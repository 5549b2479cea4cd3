import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveLimits } from '../../../core/limits.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { openBody } from './json-body.ts';
import { readRawBytes } from './raw-bytes.ts';
import type { PredictFormat } from './request-object.ts';

const EIGHT_BYTES = Buffer.from([1, 2, 3, 4, 5, 6, 7, 8]);

function read(
  dtype: TensorSpec['dtype'],
  dims: TensorSpec['dims'],
  format: PredictFormat,
): Tensor | undefined {
  const body = openBody(Buffer.from(`{"b64":"${EIGHT_BYTES.toString('base64')}"}`), resolveLimits());
  return readRawBytes(body, { name: 'x', dtype, dims }, format);
}

test('row format takes exactly one row, column format counts the rows', () => {
  assert.deepEqual(read('int16', ['batch', 2, 2], 'row'), {
    dtype: 'int16',
    dims: [2, 2],
    bytes: EIGHT_BYTES,
  });
  assert.deepEqual(read('int16', [7, 2], 'column'), { dtype: 'int16', dims: [2, 2], bytes: EIGHT_BYTES });
  assert.deepEqual(read('uint64', ['batch'], 'row'), { dtype: 'uint64', dims: [], bytes: EIGHT_BYTES });
});

test('a number of bytes that makes no whole row is refused', () => {
  assert.throws(() => read('int16', ['batch', 2], 'row'), { code: 'SKY_TENSOR_INVALID' });
  assert.throws(() => read('int16', ['batch', 3], 'column'), { code: 'SKY_TENSOR_INVALID' });
});

test('there is no raw form without fixed dimensions, for booleans and for strings', () => {
  for (const dims of [null, [], ['batch', 'width'], ['batch', 0]])
    assert.equal(read('float32', dims, 'column'), undefined);
  assert.equal(read('bool', ['batch', 8], 'row'), undefined);
  assert.equal(read('string', ['batch', 1], 'row'), undefined);
});

test('its bytes start at offset 0 of their own buffer, aligned for every dtype', () => {
  const tensor = read('float64', ['batch'], 'row');
  assert.deepEqual([tensor?.bytes.byteOffset, tensor?.bytes.buffer.byteLength], [0, 8]);
});
