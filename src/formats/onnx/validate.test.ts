import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  externalMatMul,
  halfPlusTwo,
  identity,
  loop,
  matMul,
  matMulWith,
} from '../../../test/support/onnx-models.ts';
import {
  ELEMENT,
  floatTensor,
  graph,
  localFunction,
  model,
  node,
  tensor,
  tensorType,
  value,
  valueOfType,
} from '../../../test/support/onnx-writer.ts';
import type {
  GraphSource,
  ModelSource,
  NodeSource,
  TensorSource,
} from '../../../test/support/onnx-writer.ts';
import { littleEndian, ProtoWriter } from '../../../test/support/proto-writer.ts';
import { resolveLimits } from '../../core/limits.ts';
import type { Limits } from '../../core/limits.ts';
import { memoryFile } from '../byte-file.ts';
import { readOnnxModel } from './read-model.ts';
import { validateModel } from './validate.ts';

function validate(bytes: Uint8Array, overrides: Partial<Limits> = {}): void {
  const limits = resolveLimits(overrides);
  validateModel(readOnnxModel(memoryFile(bytes), limits), limits);
}

/** `x` -> `y` through `nodes`, both float32 of one unknown dimension. */
function chain(
  nodes: readonly NodeSource[],
  rest: Partial<GraphSource> & Partial<Omit<ModelSource, 'graph'>> = {},
) {
  const source = {
    inputs: [value('x', 'float32', ['n'])],
    outputs: [value('y', 'float32', ['n'])],
    ...rest,
    nodes: nodes.map(node),
  };
  return model({ ...rest, graph: graph(source) });
}

const relu = { op: 'Relu', inputs: ['x'], outputs: ['y'] };
const matMulOf = (source: Omit<TensorSource, 'name'>) => matMulWith(tensor({ name: 'w', ...source }), 2, 3);

const invalid = (message: RegExp) => ({ code: 'SKY_ONNX_INVALID', message });
const unsupported = (message: RegExp) => ({ code: 'SKY_ONNX_UNSUPPORTED', message });

test('sound models pass', () => {
  const sound = [
    halfPlusTwo(),
    identity('string', null),
    matMul({ width: 2, outputWidth: 3 }),
    externalMatMul({ width: 2, outputWidth: 3 }).model,
    loop(3n),
    chain([relu]),
  ];
  for (const bytes of sound) assert.doesNotThrow(() => validate(bytes));
});

test('a value that nothing defines is invalid', () => {
  assert.throws(
    () => validate(chain([{ ...relu, inputs: ['ghost'] }])),
    invalid(/node "y" \(Relu\) uses "ghost"/),
  );
});

test('nodes in an order that uses a value before it is defined are invalid, and so are cycles', () => {
  const cycle = [
    { op: 'Relu', inputs: ['b'], outputs: ['a'] },
    { op: 'Relu', inputs: ['a'], outputs: ['b'] },
    { op: 'Relu', inputs: ['b'], outputs: ['y'] },
  ];
  assert.throws(() => validate(chain(cycle)), invalid(/uses "b" before anything defines it/));
});

test('a name that is defined twice is invalid, wherever it comes from', () => {
  assert.throws(() => validate(chain([relu, relu])), invalid(/defines "y", which is defined already/));
  assert.throws(
    () => validate(chain([{ ...relu, outputs: ['y', 'y'] }])),
    invalid(/"y", which is defined already/),
  );
  assert.throws(
    () => validate(chain([{ ...relu, outputs: ['x'] }])),
    invalid(/"x", which is defined already/),
  );
  const initializers = [floatTensor('w', [], [1]), floatTensor('w', [], [2])];
  assert.throws(() => validate(chain([relu], { initializers })), invalid(/initializer defines "w"/));
  const inputs = [value('x', 'float32', []), value('x', 'float32', [])];
  assert.throws(() => validate(chain([relu], { inputs })), invalid(/graph input defines "x"/));
  const outputs = [value('y', 'float32', []), value('y', 'float32', [])];
  assert.throws(
    () => validate(chain([relu], { outputs })),
    invalid(/an output of graph "graph" defines "y"/),
  );
});

test('an initializer may be the default value of a graph input', () => {
  assert.doesNotThrow(() => validate(chain([relu], { initializers: [floatTensor('x', [1], [1])] })));
});

test('an output that nothing defines is invalid, and so is a graph without outputs', () => {
  const outputs = [value('z', 'float32', ['n'])];
  assert.throws(() => validate(chain([relu], { outputs })), invalid(/returns "z", which nothing defines/));
  assert.throws(() => validate(chain([relu], { outputs: [] })), invalid(/no outputs/));
});

test('inputs and outputs that are left out are fine', () => {
  const clip = { op: 'Clip', inputs: ['x', '', ''], outputs: ['y'] };
  assert.doesNotThrow(() => validate(chain([clip])));
});

test('a subgraph sees the values of the graph around it, but not those defined later', () => {
  const branch = (name: string) =>
    graph({
      nodes: [node({ op: 'Relu', inputs: [name], outputs: ['r'] })],
      outputs: [value('r', 'float32', null)],
    });
  const choose = (name: string) => [
    { op: 'Not', inputs: ['flag'], outputs: ['condition'] },
    {
      op: 'If',
      inputs: ['condition'],
      outputs: ['y'],
      attributes: { then_branch: { graph: branch(name) }, else_branch: { graph: branch(name) } },
    },
  ];
  const inputs = [value('x', 'float32', ['n']), value('flag', 'bool', [])];
  assert.doesNotThrow(() => validate(chain(choose('x'), { inputs })));
  assert.throws(
    () => validate(chain(choose('y'), { inputs })),
    invalid(/uses "y" before anything defines it/),
  );
});

test('a value of a subgraph is not visible outside', () => {
  const body = graph({ nodes: [node({ op: 'Relu', inputs: ['x'], outputs: ['inner'] })] });
  const nodes = [
    { op: 'Custom', inputs: ['x'], outputs: ['a'], attributes: { body: { graph: body } } },
    { ...relu, inputs: ['inner'] },
  ];
  assert.throws(() => validate(chain(nodes)), invalid(/uses "inner"/));
});

test('operators of domains that are not allowed are refused by name, in subgraphs too', () => {
  const foreign = { ...relu, op: 'RunShell', domain: 'evil' };
  assert.throws(
    () => validate(chain([foreign])),
    unsupported(/node "y" \(RunShell\) uses the operator evil:RunShell/),
  );
  const body = graph({ nodes: [node({ ...foreign, outputs: ['z'] })] });
  const nested = { op: 'If', inputs: ['x'], outputs: ['y'], attributes: { then_branch: { graph: body } } };
  assert.throws(() => validate(chain([nested])), unsupported(/evil:RunShell/));
  for (const domain of ['ai.onnx.training', 'ai.onnx.preview.training', 'com.microsoft.nchwc'])
    assert.throws(() => validate(chain([{ ...relu, domain }])), unsupported(/not allowed/));
  for (const domain of ['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft'])
    assert.doesNotThrow(() => validate(chain([{ ...relu, domain }])));
});

test('an operator that has the engine open a file is refused', () => {
  const context = { op: 'EPContext', domain: 'com.microsoft', inputs: ['x'], outputs: ['y'] };
  assert.throws(() => validate(chain([context])), unsupported(/EPContext/));
});

const call = (name: string, inputs: string[], outputs: string[]) => ({
  op: name,
  domain: 'mine',
  inputs,
  outputs,
});
const define = (name: string, nodes: readonly NodeSource[]) =>
  localFunction({ domain: 'mine', name, inputs: ['x'], outputs: ['y'], nodes: nodes.map(node) });

test('functions of the model may be called, others of their domain may not', () => {
  const functions = [define('F', [relu])];
  assert.doesNotThrow(() => validate(chain([call('F', ['x'], ['y'])], { functions })));
  assert.throws(() => validate(chain([call('G', ['x'], ['y'])], { functions })), unsupported(/mine:G/));
});

test('the body of a function sees its own inputs only', () => {
  const functions = [define('F', [{ ...relu, inputs: ['outer'] }])];
  assert.throws(() => validate(chain([relu], { functions })), invalid(/uses "outer"/));
});

test('functions that call each other for ever are invalid', () => {
  const functions = [define('F', [call('G', ['x'], ['y'])]), define('G', [call('F', ['x'], ['y'])])];
  assert.throws(() => validate(chain([relu], { functions })), invalid(/calls itself/));
});

test('a function that is defined twice is invalid', () => {
  assert.throws(
    () => validate(chain([relu], { functions: [define('F', [relu]), define('F', [relu])] })),
    invalid(/twice/),
  );
});

test('a few functions that inline to 2^25 nodes are refused without inlining them', () => {
  const doubling = Array.from({ length: 25 }, (_, i) =>
    define(`F${i}`, [call(`F${i + 1}`, ['x'], ['m']), call(`F${i + 1}`, ['m'], ['y'])]),
  );
  const functions = [...doubling, define('F25', [relu])];
  assert.throws(() => validate(chain([call('F0', ['x'], ['y'])], { functions })), {
    code: 'SKY_ONNX_LIMIT',
    message: /inlined/,
  });
});

test('calls nested deeper than the limit are refused', () => {
  const functions = Array.from({ length: 50 }, (_, i) => define(`F${i}`, [call(`F${i + 1}`, ['x'], ['y'])]));
  functions.push(define('F50', [relu]));
  assert.throws(() => validate(chain([call('F0', ['x'], ['y'])], { functions })), {
    code: 'SKY_ONNX_LIMIT',
    message: /max_onnx_depth = 32/,
  });
});

test('data of another size than dims say is invalid', () => {
  assert.throws(
    () => validate(matMulOf({ element: 'float32', dims: [2, 3], raw: new Uint8Array(23) })),
    invalid(/initializer "w" needs 24 bytes, but has 23/),
  );
  assert.throws(
    () => validate(matMulOf({ element: 'float32', dims: [2, 3], floats: [1] })),
    invalid(/needs 6 entries/),
  );
  assert.throws(
    () => validate(matMulOf({ element: 'float32', dims: [2, 3] })),
    invalid(/needs 6 entries, but has 0/),
  );
  assert.doesNotThrow(() => validate(matMulOf({ element: 'float32', dims: [0, 3] })));
});

test('narrow types may be packed into bytes', () => {
  const packed = (dims: readonly number[], size: number) =>
    matMulOf({ element: ELEMENT.int4, dims, raw: new Uint8Array(size) });
  assert.doesNotThrow(() => validate(packed([3], 2)));
  assert.throws(() => validate(packed([3], 3)), invalid(/needs 2 bytes, but has 3/));
});

test('data in the field of another type is invalid', () => {
  assert.throws(
    () => validate(matMulOf({ element: 'int64', dims: [1], floats: [1] })),
    invalid(/float_data, not in int64/),
  );
  assert.throws(
    () => validate(matMulOf({ element: 'string', dims: [1], raw: new Uint8Array(4) })),
    invalid(/strings/),
  );
});

test('negative dimensions and element counts beyond 2^53 are invalid, also when one of them is zero', () => {
  assert.throws(
    () => validate(matMulOf({ element: 'float32', dims: [-1] })),
    invalid(/negative dimension -1/),
  );
  for (const dims of [
    [2 ** 30, 2 ** 30],
    [2 ** 30, 2 ** 30, 0],
    [0, 2 ** 30, 2 ** 30],
  ])
    assert.throws(() => validate(matMulOf({ element: 'float32', dims })), invalid(/too many elements/));
});

test('an element type that is not known is refused', () => {
  assert.throws(
    () => validate(matMulOf({ element: 99, dims: [1] })),
    unsupported(/initializer "w" has element type 99/),
  );
});

test('tensors in attributes are checked as initializers are', () => {
  const broken = tensor({ element: 'float32', dims: [2], raw: new Uint8Array(4) });
  const constant = { op: 'Constant', outputs: ['c'], attributes: { value: { tensor: broken } } };
  assert.throws(
    () => validate(chain([constant, relu])),
    invalid(/attribute "value" of node "c" \(Constant\) needs 8 bytes/),
  );
});

test('sparse initializers are refused', () => {
  const sparse = new ProtoWriter()
    .bytes(1, node(relu))
    .bytes(15, new Uint8Array())
    .bytes(11, value('x', 'float32', ['n']))
    .bytes(12, value('y', 'float32', ['n']))
    .finish();
  assert.throws(() => validate(model({ graph: sparse })), unsupported(/1 sparse initializers/));
});

test('inputs and outputs that no request can carry are refused by name', () => {
  const sequence = new ProtoWriter().bytes(4, tensorType(1, [])).finish();
  assert.throws(
    () => validate(chain([relu], { inputs: [valueOfType('x', sequence)] })),
    unsupported(/input "x" is of type sequence/),
  );
  assert.throws(
    () => validate(chain([relu], { outputs: [value('y', 'complex64', ['n'])] })),
    unsupported(/output "y" has element type complex64/),
  );
});

test('control characters in the name of an input are invalid', () => {
  const inputs = [value('x', 'float32', ['n']), value('a\nb', 'float32', [])];
  assert.throws(() => validate(chain([relu], { inputs })), invalid(/control characters/));
});

test('an interface of too many dimensions is refused', () => {
  const inputs = [
    value(
      'x',
      'float32',
      Array.from({ length: 9 }, () => 1),
    ),
  ];
  assert.throws(() => validate(chain([relu], { inputs })), {
    code: 'SKY_ONNX_LIMIT',
    message: /max_tensor_rank = 8/,
  });
});

test('-1 as a dimension of an input is accepted as unknown, other negative ones are not', () => {
  assert.doesNotThrow(() => validate(chain([relu], { inputs: [value('x', 'float32', [-1])] })));
  assert.throws(() => validate(chain([relu], { inputs: [value('x', 'float32', [-2])] })), invalid(/-2/));
});

test('operator sets are needed, in one positive version per domain', () => {
  assert.throws(() => validate(chain([relu], { opsets: {} })), invalid(/no operator set/));
  assert.throws(() => validate(chain([relu], { opsets: { '': 0 } })), invalid(/version 0/));
  assert.throws(
    () => validate(chain([relu], { opsets: { '': 17, 'ai.onnx': 18 } })),
    invalid(/imported in two versions/),
  );
  assert.doesNotThrow(() => validate(chain([relu], { opsets: { '': 17, 'ai.onnx': 17 } })));
});

test('a model without an IR version is invalid', () => {
  assert.throws(() => validate(model({ graph: graph({}), irVersion: 0 })), invalid(/IR version 0/));
});

test('attributes need names, each its own', () => {
  const twice = new ProtoWriter().string(1, 'x').string(2, 'y').string(4, 'LeakyRelu');
  const alpha = new ProtoWriter().string(1, 'alpha').float(2, 0.1).varint(20, 1).finish();
  const source = {
    nodes: [twice.bytes(5, alpha).bytes(5, alpha).finish()],
    inputs: [value('x', 'float32', ['n'])],
    outputs: [value('y', 'float32', ['n'])],
  };
  assert.throws(
    () => validate(model({ graph: graph(source) })),
    invalid(/defines "alpha", which is defined already/),
  );
});

test('weights that are all there pass with any typed field that fits', () => {
  assert.doesNotThrow(() => validate(matMulOf({ element: 'float32', dims: [2], floats: [1, 2] })));
  assert.doesNotThrow(() => validate(matMulOf({ element: 'int64', dims: [2], int64s: [1, -2] })));
  assert.doesNotThrow(() => validate(matMulOf({ element: 'bool', dims: [2], int32s: [1, 0] })));
  const raw = littleEndian(BigInt64Array.of(1n, 2n));
  assert.doesNotThrow(() => validate(matMulOf({ element: 'int64', dims: [2], raw })));
});
