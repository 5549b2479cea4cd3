import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { halfPlusTwo } from '../../test/support/onnx-models.ts';
import { requireOnnx } from './detect-format.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'skylift-detect-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

const unknown = (message: RegExp) => ({ code: 'SKY_MODEL_FORMAT_UNKNOWN', message });
const bytesOf = (...parts: (string | number[])[]) =>
  Buffer.concat(
    parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
  );

test('an .onnx file is accepted whatever it is called', (t) => {
  const path = join(folder(t), 'model.bin');
  writeFileSync(path, halfPlusTwo());
  assert.doesNotThrow(() => requireOnnx(path));
});

test(
  'a pipe, a socket and a device are said to be no regular file, without a wait',
  { skip: process.platform === 'win32' },
  async (t) => {
    const pipe = join(folder(t), 'pipe');
    execFileSync('mkfifo', [pipe]);
    const socket = join(folder(t), 'socket');
    const server = createServer().listen(socket);
    t.after(() => server.close());
    await once(server, 'listening');
    for (const path of [pipe, socket, '/dev/zero'])
      assert.throws(() => requireOnnx(path), unknown(/ is a pipe, socket or device, not a regular file$/));
  },
);

test('files of other formats are named by their content', (t) => {
  const path = join(folder(t), 'model.onnx');
  const cases: [Buffer, RegExp][] = [
    [bytesOf('GGUF', [3, 0, 0, 0]), /looks like a GGUF model/],
    [bytesOf('PK\x03\x04', [0, 0]), /looks like a zip archive \(PyTorch/],
    [bytesOf('\x89HDF\r\n\x1a\n'), /looks like an HDF5 file/],
    [bytesOf([0x1c, 0, 0, 0], 'TFL3'), /looks like a TensorFlow Lite model/],
    [bytesOf([0x1c, 0, 0, 0], 'ORTM'), /looks like an ONNX Runtime \(\.ort\) model/],
    [bytesOf([0x1f, 0x8b, 8]), /looks like a gzip archive/],
    [bytesOf('\x93NUMPY'), /looks like a NumPy array/],
    [bytesOf([2, 0, 0, 0, 0, 0, 0, 0], '{}'), /looks like safetensors weights/],
    [bytesOf([0x80, 4, 0x95]), /looks like a Python pickle/],
    [bytesOf('version https://git-lfs.github.com/spec/v1\noid sha256:0'), /Git LFS pointer .* git lfs pull/],
    [bytesOf('  {"format": "layers-model"}'), /looks like a JSON document/],
    [bytesOf('hello'), /does not start as an ONNX model does/],
    [bytesOf(), /is empty/],
  ];
  for (const [bytes, message] of cases) {
    writeFileSync(path, bytes);
    assert.throws(() => requireOnnx(path), unknown(message));
  }
});

test('the graph of a SavedModel is not taken for ONNX', (t) => {
  const path = join(folder(t), 'saved_model.pb');
  writeFileSync(path, Uint8Array.of(0x08, 1, 0x12, 0));
  assert.throws(() => requireOnnx(path), unknown(/TensorFlow SavedModel/));
});

test('a folder is refused with what it looks like or the files to name', (t) => {
  const root = folder(t);
  assert.throws(() => requireOnnx(root), unknown(/is a folder without a model file/));
  writeFileSync(join(root, 'a.onnx'), halfPlusTwo());
  assert.throws(() => requireOnnx(root), unknown(/name the file: .*a\.onnx/));
  mkdirSync(join(root, 'saved'));
  writeFileSync(join(root, 'saved', 'saved_model.pb'), '');
  assert.throws(() => requireOnnx(join(root, 'saved')), unknown(/looks like a TensorFlow SavedModel/));
});

test('a path that is not there is not found', () => {
  assert.throws(() => requireOnnx('/nowhere/model.onnx'), { code: 'SKY_MODEL_NOT_FOUND' });
});
