import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { externalMatMul, loop } from '../../test/support/onnx-models.ts';
import { inspectModel } from './inspect.ts';

const MNIST = join(import.meta.dirname, '../../examples/01-digits/mnist-lenet.onnx');

test('a real network is summed up', async () => {
  const summary = await inspectModel(MNIST);
  assert.equal(summary.sizeBytes, 862_415);
  assert.deepEqual(summary.opsets, [{ domain: '', version: 21 }]);
  assert.deepEqual(summary.parameters, { count: 215_370, sizeBytes: 861_480 });
  assert.deepEqual(summary.operators.slice(0, 3), [
    { operator: 'Relu', count: 3 },
    { operator: 'Conv', count: 2 },
    { operator: 'Gemm', count: 2 },
  ]);
  assert.deepEqual(summary.signatures['serving_default']?.outputs, [
    { name: 'probabilities', dtype: 'float32', dims: ['batch', 10] },
  ]);
});

test('subgraphs and external weights are counted', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'skylift-inspect-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'm.onnx');
  writeFileSync(path, loop(3n));
  assert.deepEqual(
    (await inspectModel(path)).operators.map(({ operator }) => operator),
    ['Add', 'Identity', 'Loop'],
  );
  const { model, weights } = externalMatMul({ width: 4, outputWidth: 2 });
  writeFileSync(path, model);
  writeFileSync(join(folder, 'weights.bin'), weights);
  const { externalFiles, parameters } = await inspectModel(path);
  assert.deepEqual(externalFiles, [{ name: 'weights.bin', sizeBytes: 32 }]);
  assert.deepEqual(parameters, { count: 8, sizeBytes: 32 });
});

test('a model that would not be served is not summed up either', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'skylift-inspect-'));
  t.after(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'm.onnx'), externalMatMul({ width: 4, outputWidth: 2 }, 'gone.bin').model);
  await assert.rejects(inspectModel(join(folder, 'm.onnx')), { code: 'SKY_ONNX_EXTERNAL_DATA' });
});
