import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { nameOfPath, servedModels } from './served-models.ts';

test('a model is named after its file or folder', () => {
  assert.deepEqual(servedModels(['./models/Digits.onnx', '/srv/small/']), {
    Digits: './models/Digits.onnx',
    small: '/srv/small/',
  });
  assert.equal(nameOfPath('/models/digits/3'), 'digits');
  assert.equal(nameOfPath('/'), 'default');
});

test('NAME=PATH names it', () => {
  assert.deepEqual(servedModels(['My.model=./a=b.onnx']), { 'My.model': './a=b.onnx' });
  assert.deepEqual(servedModels(['./x/a=b.onnx']), { 'a=b': './x/a=b.onnx' });
});

test('what stands before the equals sign must be a name, unless all of it is a path', (t) => {
  const rule = /is no name of a model: letters, digits, "_", "\." and "-"/;
  for (const bad of ['a/b=m.onnx', '=m.onnx', '-x=m.onnx', 'ä=m.onnx', 'a b=m.onnx'])
    assert.throws(() => servedModels([bad]), { code: 'SKY_USAGE', message: rule });
  assert.throws(() => servedModels(['m=']), { code: 'SKY_USAGE', message: /m= has no path/ });
  const folder = mkdtempSync(join(tmpdir(), 'skylift-names-'));
  const cwd = process.cwd();
  t.after(() => {
    process.chdir(cwd);
    rmSync(folder, { recursive: true });
  });
  process.chdir(folder);
  writeFileSync('=x.onnx', '');
  for (const path of ['=x.onnx', './y=z.onnx', '/a=b.onnx', 'C:/a=b.onnx', 's3://bucket/a=b'])
    assert.deepEqual(Object.values(servedModels([path])), [path]);
});

test("TensorFlow Serving's flags are a model too, called default without a name", () => {
  assert.deepEqual(servedModels([], { model_base_path: '/m' }), { default: '/m' });
  assert.deepEqual(servedModels(['b'], { model_name: 'a', model_base_path: '/m' }), { a: '/m', b: 'b' });
});

test('two models of one name, no model, and a name without a path are usage errors', () => {
  assert.throws(() => servedModels(['a.onnx', 'x/a.onnx']), {
    code: 'SKY_USAGE',
    message: /two models are named "a"/,
  });
  assert.throws(() => servedModels([]), { code: 'SKY_USAGE' });
  assert.throws(() => servedModels(['a'], { model_name: 'm' }), { code: 'SKY_USAGE', hint: 'Write: m=a' });
});
