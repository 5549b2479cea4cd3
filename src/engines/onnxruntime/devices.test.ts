import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openScratch } from '../../../test/support/packages.ts';
import { executionProviders, requireDevice } from './devices.ts';

const LIBRARIES =
  process.platform === 'win32'
    ? ['onnxruntime_providers_shared.dll', 'onnxruntime_providers_cuda.dll']
    : ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

test('the CPU needs no further files', () => {
  requireDevice('cpu', '/nowhere');
  assert.deepEqual(executionProviders('cpu'), ['cpu']);
});

test('a GPU is refused with the names of the files that are missing, and taken when they are there', async () => {
  await using scratch = await openScratch();
  await writeFile(join(scratch.dir, LIBRARIES[0] ?? ''), '');
  assert.throws(() => requireDevice('cuda:0', scratch.dir), {
    code: 'SKY_ENGINE_DEVICE',
    message: `device cuda:0 needs the CUDA provider of onnxruntime-node, which lacks ${LIBRARIES[1]}`,
    hint: new RegExp(`into ${scratch.dir}`),
  });
  await writeFile(join(scratch.dir, LIBRARIES[1] ?? ''), '');
  requireDevice('cuda:0', scratch.dir);
});

test('what has no kernel on the GPU is computed on the CPU', () => {
  assert.deepEqual(executionProviders('cuda:3'), [{ name: 'cuda', deviceId: 3 }, 'cpu']);
});

test('a device of another engine is refused', () => {
  assert.throws(() => requireDevice('metal'), { code: 'SKY_ENGINE_DEVICE' });
  assert.throws(() => executionProviders('metal'), { code: 'SKY_ENGINE_DEVICE' });
});
