import assert from 'node:assert/strict';
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
