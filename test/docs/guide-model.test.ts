/** The guides show a model that a reader can have: the file beside them is the one that the tests write. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { halfPlusTwo } from '../support/onnx-models.ts';

test('docs/guide/half_plus_two.onnx holds the bytes that test/support/onnx-models.ts writes', () => {
  const file = join(import.meta.dirname, '..', '..', 'docs', 'guide', 'half_plus_two.onnx');
  assert.deepEqual(new Uint8Array(readFileSync(file)), new Uint8Array(halfPlusTwo()));
});
