import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfPlusTwo } from '../../../test/support/onnx-models.ts';
import { floatTensor, graph, model, value } from '../../../test/support/onnx-writer.ts';
import type { Dimension } from '../../../test/support/onnx-writer.ts';
import { resolveLimits } from '../../core/limits.ts';
import { memoryFile } from '../byte-file.ts';
import { readOnnxModel } from './read-model.ts';
import { readSignatures } from './to-package.ts';

const signaturesOf = (bytes: Uint8Array) => readSignatures(readOnnxModel(memoryFile(bytes), resolveLimits()));

type Shape = readonly Dimension[] | null;

function batchAxis(inputs: readonly Shape[], outputs: readonly Shape[]) {
  const named = (prefix: string, shapes: readonly Shape[]) =>
    shapes.map((dims, i) => value(`${prefix}${i}`, 'float32', dims));
  const bytes = model({ graph: graph({ inputs: named('in', inputs), outputs: named('out', outputs) }) });
  return signaturesOf(bytes).programs['model']?.batchAxis;
}

test('the interface of the graph becomes serving_default', () => {
  assert.deepEqual(signaturesOf(halfPlusTwo()), {
    programs: { model: { steps: [], batchAxis: 0 } },
    signatures: {
      serving_default: {
        program: 'model',
        method: 'predict',
        inputs: [{ name: 'x', dtype: 'float32', dims: ['batch'] }],
        outputs: [{ name: 'y', dtype: 'float32', dims: ['batch'] }],
      },
    },
  });
});

test('inputs with a default value are not asked for', () => {
  const inputs = [value('x', 'float32', ['n']), value('w', 'float32', [1])];
  const bytes = model({ graph: graph({ inputs, initializers: [floatTensor('w', [1], [1])] }) });
  assert.deepEqual(
    signaturesOf(bytes).signatures['serving_default']?.inputs.map((input) => input.name),
    ['x'],
  );
});

test('unknown dimensions are "?", an unknown rank is null', () => {
  const inputs = [
    value('a', 'int64', [-1, '?', 3]),
    value('b', 'string', null),
    value('c', 'bool', ['x'.repeat(300)]),
  ];
  assert.deepEqual(
    signaturesOf(model({ graph: graph({ inputs }) })).signatures['serving_default']?.inputs.map(
      (input) => input.dims,
    ),
    [['?', '?', 3], null, ['?']],
  );
});

test('rows are combined only when all tensors vary along the same first axis', () => {
  assert.equal(batchAxis([['N', 3]], [['N', 10]]), 0);
  assert.equal(batchAxis([['?', 3]], [['?']]), 0);
  assert.equal(batchAxis([['N', 3]], [['?', 10]]), 0);
  assert.equal(batchAxis([['N', 3], ['N']], [['N']]), 0);
  assert.equal(batchAxis([['N', 3]], [['M', 10]]), null);
  assert.equal(batchAxis([[1, 3]], [[1, 10]]), null);
  assert.equal(batchAxis([['N', 3], []], [['N']]), null);
  assert.equal(batchAxis([['N', 3]], [null]), null);
  assert.equal(batchAxis([], [['N']]), null);
});

test('rows are not combined when another axis depends on their number', () => {
  assert.equal(batchAxis([['N', 'N']], [['N']]), null);
  assert.equal(batchAxis([['N', 3]], [['N', 'N']]), null);
});
