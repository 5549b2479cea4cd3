import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exampleRequest } from './example-request.ts';

test('one row where the first axis varies', () => {
  assert.deepEqual(exampleRequest([{ name: 'x', dtype: 'float32', dims: ['batch', 2] }]), {
    instances: [[0, 0]],
  });
});

test('rows of several inputs are objects', () => {
  const specs = [
    { name: 'a', dtype: 'int64', dims: ['n', 1] },
    { name: 'b', dtype: 'bool', dims: ['n'] },
  ] as const;
  assert.deepEqual(exampleRequest(specs), { instances: [{ a: [0], b: false }] });
});

test('whole tensors where the first axis is fixed, unknown or missing', () => {
  assert.deepEqual(exampleRequest([{ name: 'x', dtype: 'float32', dims: [2] }]), { inputs: [0, 0] });
  assert.deepEqual(exampleRequest([{ name: 'x', dtype: 'string', dims: null }]), { inputs: '' });
  const specs = [
    { name: 'a', dtype: 'float32', dims: ['n', 'm'] },
    { name: 'b', dtype: 'float32', dims: [] },
  ] as const;
  assert.deepEqual(exampleRequest(specs), { inputs: { a: [[0]], b: 0 } });
});

test('another signature than the default is named', () => {
  assert.deepEqual(exampleRequest([{ name: 'x', dtype: 'float32', dims: [1] }], 'other'), {
    signature_name: 'other',
    inputs: [0],
  });
});

test('no example where it would be too large', () => {
  assert.equal(exampleRequest([{ name: 'x', dtype: 'float32', dims: [1, 2 ** 30] }]), undefined);
});
