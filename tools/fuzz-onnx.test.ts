import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzOnnx } from './fuzz-onnx.ts';

test('two thousand mutated models end in a model or a coded error', async () => {
  const report = await fuzzOnnx({ seed: 1, inputs: 2000 });
  assert.deepEqual(report.defects, []);
  assert.ok(report.accepted > 200, `only ${report.accepted} of ${report.inputs} inputs reached the end`);
  assert.ok((report.rejected['SKY_ONNX_INVALID'] ?? 0) > 200, 'few inputs reached the validator');
});

test('the same seed gives the same report', async () => {
  const [first, second] = [
    await fuzzOnnx({ seed: 7, inputs: 200 }),
    await fuzzOnnx({ seed: 7, inputs: 200 }),
  ];
  assert.deepEqual({ ...first, slowestMs: 0 }, { ...second, slowestMs: 0 });
});
