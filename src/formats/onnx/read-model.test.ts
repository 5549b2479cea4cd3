import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { halfPlusTwo, loop } from '../../../test/support/onnx-models.ts';
import {
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
import { ProtoWriter } from '../../../test/support/proto-writer.ts';
import { isSkyliftError } from '../../core/errors.ts';
import { resolveLimits } from '../../core/limits.ts';
import type { Limits } from '../../core/limits.ts';
import { memoryFile, openByteFile } from '../byte-file.ts';
import { readOnnxFile, readOnnxModel } from './read-model.ts';
import { validateModel } from './validate.ts';

const MNIST = join(import.meta.dirname, '../../../examples/01-digits/mnist-lenet.onnx');

const read = (bytes: Uint8Array, limits: Partial<Limits> = {}) =>
  readOnnxModel(memoryFile(bytes), resolveLimits(limits));

test('a model is read with its nodes, interface and initializers', () => {
  const { graph, opsets, irVersion, producer } = read(halfPlusTwo());
  assert.deepEqual({ irVersion, opsets }, { irVersion: 8, opsets: [{ domain: '', version: 17 }] });
  assert.equal(producer.name, 'skylift-tests');
  assert.equal(graph.name, 'half_plus_two');
  assert.deepEqual(graph.nodes[0], {
    name: 'scale',
    opType: 'Mul',
    domain: '',
    overload: '',
    inputs: ['x', 'half'],
    outputs: ['scaled'],
    attributes: [],
  });
  assert.deepEqual(graph.inputs, [{ name: 'x', type: { kind: 'tensor', elementType: 1, dims: ['batch'] } }]);
  assert.deepEqual(
    graph.initializers.map(({ name, dims, data }) => [name, dims, data.kind]),
    [
      ['half', [], 'raw'],
      ['two', [], 'raw'],
    ],
  );
});

test('the range of raw data points at the bytes of the weights', () => {
  const bytes = model({ graph: graph({ initializers: [floatTensor('w', [2], [1.5, -2])] }) });
  const data = read(bytes).graph.initializers[0]?.data;
  assert.ok(data?.kind === 'raw');
  const { offset, length } = data.range;
  assert.deepEqual([...new Float32Array(bytes.slice(offset, offset + length).buffer)], [1.5, -2]);
});

test('dimensions keep their symbols, and unnamed ones are "?"', () => {
  const bytes = model({
    graph: graph({ inputs: [value('x', 'int8', ['N', 3, '?']), value('y', 'int8', null)] }),
  });
  const types = read(bytes).graph.inputs.map((input) => input.type);
  assert.deepEqual(
    types.map((type) => type.kind === 'tensor' && type.dims),
    [['N', 3, '?'], null],
  );
});

test('subgraphs, tensors and names of attributes are kept', () => {
  const [body] = read(loop(3n)).graph.nodes[0]?.attributes ?? [];
  assert.equal(body?.name, 'body');
  assert.deepEqual(
    body.subgraphs[0]?.nodes.map((inner) => inner.opType),
    ['Identity', 'Add'],
  );
  const constant = node({
    op: 'Constant',
    outputs: ['c'],
    attributes: { value: { tensor: floatTensor('', [1], [1]) } },
  });
  const { nodes } = read(model({ graph: graph({ nodes: [constant] }) })).graph;
  assert.deepEqual(nodes[0]?.attributes[0]?.tensors[0]?.dims, [1]);
});

test('functions, metadata and the long name of the standard domain are read', () => {
  const twice = localFunction({ domain: 'mine', name: 'Twice', inputs: ['a'], outputs: ['b'], nodes: [] });
  const bytes = model({
    graph: graph({}),
    functions: [twice],
    metadata: { author: 'me' },
    opsets: { 'ai.onnx': 18 },
  });
  const { functions, metadata, opsets } = read(bytes);
  assert.deepEqual([functions[0]?.domain, functions[0]?.name], ['mine', 'Twice']);
  assert.deepEqual([...metadata], [['author', 'me']]);
  assert.deepEqual(opsets, [{ domain: '', version: 18 }]);
});

test('a metadata value of a megabyte is left out, the model is read', () => {
  assert.equal(read(model({ graph: graph({}), metadata: { labels: 'x'.repeat(2 ** 20) } })).metadata.size, 0);
});

test('typed data is counted in its own field, external data keeps its entries', () => {
  const external = { location: 'w.bin', offset: '4096', length: '8' };
  const initializers = [
    tensor({ name: 'a', element: 'int64', dims: [2], int64s: [2n ** 63n - 1n, -1] }),
    tensor({ name: 'b', element: 'string', dims: [1], strings: ['hello'] }),
    tensor({ name: 'c', element: 'float32', dims: [2], external }),
  ];
  const data = read(model({ graph: graph({ initializers }) })).graph.initializers.map((entry) => entry.data);
  assert.deepEqual(data, [
    { kind: 'typed', field: 'int64_data', count: 2 },
    { kind: 'typed', field: 'string_data', count: 1 },
    { kind: 'external', entries: new Map(Object.entries(external)) },
  ]);
});

test('a tensor with data in two forms is invalid', () => {
  const both = tensor({ name: 'w', element: 'float32', dims: [1], raw: new Uint8Array(4), floats: [1] });
  assert.throws(() => read(model({ graph: graph({ initializers: [both] }) })), {
    code: 'SKY_ONNX_INVALID',
    message: /"w" has its data in more than one form/,
  });
});

test('a key of external data that comes twice is invalid', () => {
  const entry = (text: string) => new ProtoWriter().string(1, 'location').string(2, text).finish();
  const twice = new ProtoWriter().bytes(13, entry('a.bin')).bytes(13, entry('b.bin')).varint(14, 1).finish();
  assert.throws(() => read(model({ graph: graph({ initializers: [twice] }) })), { code: 'SKY_ONNX_INVALID' });
});

test('a tensor that is stored in segments is invalid', () => {
  const segment = new ProtoWriter().varint(1, 0).varint(2, 1).finish();
  const part = new ProtoWriter().varint(2, 1).bytes(3, segment).string(8, 'w').finish();
  assert.throws(() => read(model({ graph: graph({ initializers: [part] }) })), {
    code: 'SKY_ONNX_INVALID',
    message: /"w" is stored in segments/,
  });
});

test('two graphs in one model are malformed', () => {
  const twice = new ProtoWriter().bytes(7, graph({})).bytes(7, graph({})).finish();
  assert.throws(() => read(twice), { code: 'SKY_ONNX_MALFORMED' });
});

test('a model without a graph is malformed', () => {
  assert.throws(() => read(new ProtoWriter().varint(1, 8).finish()), { code: 'SKY_ONNX_MALFORMED' });
});

test('types other than tensors are named', () => {
  const sequence = new ProtoWriter()
    .bytes(4, new ProtoWriter().bytes(1, tensorType(1, [])).finish())
    .finish();
  const { inputs } = read(model({ graph: graph({ inputs: [valueOfType('s', sequence)] }) })).graph;
  assert.deepEqual(inputs[0]?.type, { kind: 'sequence' });
});

test('each limit of the reader is named when it is exceeded', () => {
  const nodes = [node({ op: 'A' }), node({ op: 'B' })];
  const initializers = [floatTensor('a', [], [1]), floatTensor('b', [], [1])];
  const bytes = model({ graph: graph({ nodes, initializers }) });
  const nested = loop(1n);
  const cases: [Partial<Limits>, Uint8Array][] = [
    [{ max_onnx_nodes: 1 }, bytes],
    [{ max_onnx_initializers: 1 }, bytes],
    [{ max_onnx_bytes: 10 }, bytes],
    [{ max_onnx_structure_bytes: 100 }, bytes],
    [{ max_onnx_depth: 1 }, nested],
    [{ max_protobuf_depth: 3 }, nested],
  ];
  for (const [limits, source] of cases) {
    const [name] = Object.keys(limits);
    assert.throws(() => read(source, limits), { code: 'SKY_ONNX_LIMIT', message: new RegExp(name ?? '') });
  }
});

test('a real network is read from its file without its weights', () => {
  const { graph } = readOnnxFile(MNIST, resolveLimits());
  assert.equal(graph.nodes.length, 11);
  assert.equal(graph.initializers.length, 8);
  using file = openByteFile(MNIST);
  let bytesRead = 0;
  const counting = {
    ...file,
    readInto: (target: Uint8Array, offset: number) => {
      bytesRead += target.byteLength;
      return file.readInto(target, offset);
    },
  };
  readOnnxModel(counting, resolveLimits());
  assert.ok(bytesRead < file.sizeBytes * 0.6, `${bytesRead} of ${file.sizeBytes} bytes were read`);
});

test('a file that is not there is not found', () => {
  assert.throws(() => readOnnxFile('/nowhere/model.onnx', resolveLimits()), { code: 'SKY_MODEL_NOT_FOUND' });
});

/** Reads and validates; anything but success or a coded error fails the test. */
function survives(bytes: Uint8Array): void {
  try {
    validateModel(read(bytes), resolveLimits());
  } catch (error) {
    if (!isSkyliftError(error) || error.code === 'SKY_INTERNAL') throw error;
  }
}

test('every truncation of a model ends in a coded error or a model', () => {
  for (const bytes of [halfPlusTwo(), loop(3n)])
    for (let length = 0; length < bytes.length; length++) survives(bytes.subarray(0, length));
});

test('random mutations of a real network end in a coded error or a model', () => {
  // the weights are a few long runs: mutate where the structure is
  const bytes = readFileSync(MNIST);
  const { graph } = readOnnxFile(MNIST, resolveLimits());
  const weights = graph.initializers.flatMap(({ data }) => (data.kind === 'raw' ? [data.range] : []));
  const structure = [...bytes.keys()].filter(
    (i) => !weights.some((w) => i >= w.offset && i < w.offset + w.length),
  );
  const edit = fc.tuple(fc.nat(structure.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), (edits) => {
      const mutated = Uint8Array.from(bytes);
      for (const [at, byte] of edits) mutated[structure[at] ?? 0] = byte;
      survives(mutated);
    }),
    { numRuns: 300 },
  );
});

test('random bytes end in a coded error or a model', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), survives), { numRuns: 2000 });
});
