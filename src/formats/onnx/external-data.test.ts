import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { matMulWith } from '../../../test/support/onnx-models.ts';
import { graph, model, node, tensor, value } from '../../../test/support/onnx-writer.ts';
import { isSkyliftError } from '../../core/errors.ts';
import { resolveLimits } from '../../core/limits.ts';
import { memoryFile } from '../byte-file.ts';
import { checkExternalData } from './external-data.ts';
import { readOnnxModel } from './read-model.ts';

const WEIGHTS_BYTES = 24; // of a float32 tensor of dims [2, 3]

const read = (bytes: Uint8Array) => readOnnxModel(memoryFile(bytes), resolveLimits());

function modelWith(external: Readonly<Record<string, string>>) {
  return read(matMulWith(tensor({ name: 'w', element: 'float32', dims: [2, 3], external }), 2, 3));
}

/** A folder with `weights.bin` of 24 bytes. */
function weightsFolder(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'skylift-external-'));
  t.after(() => rmSync(root, { recursive: true }));
  const folder = join(root, 'model');
  mkdirSync(folder);
  writeFileSync(join(folder, 'weights.bin'), new Uint8Array(WEIGHTS_BYTES));
  return folder;
}

const refused = (message: RegExp) => ({ code: 'SKY_ONNX_EXTERNAL_DATA', message });

test('a plain file beside the model with enough bytes is accepted and listed', (t) => {
  const folder = weightsFolder(t);
  const files = [{ name: 'weights.bin', sizeBytes: WEIGHTS_BYTES }];
  assert.deepEqual(checkExternalData(modelWith({ location: 'weights.bin' }), folder), files);
  const exact = { location: 'weights.bin', offset: '0', length: '24', checksum: 'of no interest' };
  assert.deepEqual(checkExternalData(modelWith(exact), folder), files);
});

test('names that are paths or tags of the engine are refused', (t) => {
  const folder = weightsFolder(t);
  writeFileSync(join(folder, '../outside.bin'), new Uint8Array(WEIGHTS_BYTES));
  const locations = [
    '../outside.bin',
    'a/../../outside.bin',
    './weights.bin',
    'sub/weights.bin',
    String.raw`..\outside.bin`,
    '/etc/passwd',
    'C:weights.bin',
    '..',
    '.',
    '',
    '*/_ORT_MEM_ADDR_/*',
    'weights.bin\0.txt',
    'weights.bin\n',
    '.hidden',
    'x'.repeat(200),
  ];
  for (const location of locations)
    assert.throws(() => checkExternalData(modelWith({ location }), folder), refused(/not a plain file name/));
  assert.throws(() => checkExternalData(modelWith({}), folder), refused(/not a plain file name/));
});

test('a symbolic link is refused, also one to a file in the folder', (t) => {
  const folder = weightsFolder(t);
  symlinkSync('weights.bin', join(folder, 'link.bin'));
  assert.throws(
    () => checkExternalData(modelWith({ location: 'link.bin' }), folder),
    refused(/symbolic link/),
  );
});

test('a hard link is refused, and so is the file that it was made from', (t) => {
  const folder = weightsFolder(t);
  linkSync(join(folder, 'weights.bin'), join(folder, 'second.bin'));
  for (const location of ['weights.bin', 'second.bin'])
    assert.throws(() => checkExternalData(modelWith({ location }), folder), refused(/2 hard links/));
});

test('a model folder that is a symbolic link itself is fine', (t) => {
  const folder = weightsFolder(t);
  renameSync(folder, `${folder}-real`);
  symlinkSync(`${folder}-real`, folder);
  assert.equal(checkExternalData(modelWith({ location: 'weights.bin' }), folder).length, 1);
});

test('folders and missing files are refused', (t) => {
  const folder = weightsFolder(t);
  mkdirSync(join(folder, 'folder.bin'));
  assert.throws(
    () => checkExternalData(modelWith({ location: 'folder.bin' }), folder),
    refused(/not a regular file/),
  );
  assert.throws(
    () => checkExternalData(modelWith({ location: 'gone.bin' }), folder),
    refused(/lies in "gone\.bin", which is missing from /),
  );
});

test('a named pipe is refused without waiting for a writer', { skip: process.platform === 'win32' }, (t) => {
  const folder = weightsFolder(t);
  execFileSync('mkfifo', [join(folder, 'pipe.bin')]);
  assert.throws(
    () => checkExternalData(modelWith({ location: 'pipe.bin' }), folder),
    refused(/not a regular file/),
  );
});

test('ranges beyond the file are refused, however large the numbers are', (t) => {
  const folder = weightsFolder(t);
  for (const offset of ['1', '24', '25', '9007199254740991'])
    assert.throws(
      () => checkExternalData(modelWith({ location: 'weights.bin', offset }), folder),
      refused(/needs 24 bytes at offset \d+, but "weights.bin" has 24/),
    );
});

test('a length other than dims need is refused', (t) => {
  const folder = weightsFolder(t);
  for (const length of ['23', '25', '0'])
    assert.throws(
      () => checkExternalData(modelWith({ location: 'weights.bin', length }), folder),
      refused(/needs 24 bytes, but its external length is/),
    );
});

test('numbers that are not plain decimals are refused', (t) => {
  const folder = weightsFolder(t);
  for (const text of [
    '-1',
    '+0',
    '0x0',
    '1e1',
    ' 0',
    '00',
    '0.0',
    '',
    '9007199254740993',
    '99999999999999999999',
  ])
    assert.throws(
      () => checkExternalData(modelWith({ location: 'weights.bin', offset: text }), folder),
      refused(/not a plain number/),
    );
});

test('keys that are not of the format are refused', (t) => {
  const external = { location: 'weights.bin', prepacked_0: 'x|0|8' };
  assert.throws(
    () => checkExternalData(modelWith(external), weightsFolder(t)),
    refused(/unknown external_data key/),
  );
});

test('tensors of subgraphs and attributes are checked too', (t) => {
  const folder = weightsFolder(t);
  const outside = tensor({ name: 'w', element: 'float32', dims: [1], external: { location: '../w.bin' } });
  const constant = node({ op: 'Constant', outputs: ['c'], attributes: { value: { tensor: outside } } });
  const branch = graph({ initializers: [outside], outputs: [value('w', 'float32', [1])] });
  const choice = node({
    op: 'If',
    inputs: ['x'],
    outputs: ['y'],
    attributes: { then_branch: { graph: branch } },
  });
  for (const nodes of [[constant], [choice]])
    assert.throws(
      () => checkExternalData(read(model({ graph: graph({ nodes }) })), folder),
      refused(/\.\.\/w\.bin/),
    );
});

test('any text as location, offset and length ends in a coded error or names the one file there is', (t) => {
  const folder = weightsFolder(t);
  const text = fc.oneof(fc.string(), fc.constantFrom('weights.bin', '0', '24', '-1', '../weights.bin'));
  fc.assert(
    fc.property(fc.record({ location: text, offset: text, length: text }), (external) => {
      try {
        assert.equal(checkExternalData(modelWith(external), folder)[0]?.name, 'weights.bin');
      } catch (error) {
        assert.ok(isSkyliftError(error), String(error));
      }
    }),
  );
});
