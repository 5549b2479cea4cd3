/** Complete small models for tests. Each returns the bytes of an .onnx file that onnxruntime loads. */
import type { Dimension, ElementName } from './onnx-writer.ts';
import { floatTensor, graph, model, node, tensor, value } from './onnx-writer.ts';
import { littleEndian } from './proto-writer.ts';

/** `y = 0.5 x + 2` for float32 `x` of shape [batch]: the model of TensorFlow Serving's own tests. */
export function halfPlusTwo(): Uint8Array {
  return model({
    graph: graph({
      name: 'half_plus_two',
      inputs: [value('x', 'float32', ['batch'])],
      outputs: [value('y', 'float32', ['batch'])],
      initializers: [floatTensor('half', [], [0.5]), floatTensor('two', [], [2])],
      nodes: [
        node({ op: 'Mul', name: 'scale', inputs: ['x', 'half'], outputs: ['scaled'] }),
        node({ op: 'Add', name: 'shift', inputs: ['scaled', 'two'], outputs: ['y'] }),
      ],
    }),
  });
}

/** `y = 0 x + stamp` for float32 `x` of shape [batch]: every row of an answer says which model gave it. */
export function stamped(stamp: number): Uint8Array {
  return model({
    graph: graph({
      inputs: [value('x', 'float32', ['batch'])],
      outputs: [value('y', 'float32', ['batch'])],
      initializers: [floatTensor('nothing', [], [0]), floatTensor('stamp', [], [stamp])],
      nodes: [
        node({ op: 'Mul', inputs: ['x', 'nothing'], outputs: ['zeros'] }),
        node({ op: 'Add', inputs: ['zeros', 'stamp'], outputs: ['y'] }),
      ],
    }),
  });
}

/** `y = x` of any type and shape. */
export function identity(element: ElementName, dims: readonly Dimension[] | null = ['batch']): Uint8Array {
  return model({
    graph: graph({
      inputs: [value('x', element, dims)],
      outputs: [value('y', element, dims)],
      nodes: [node({ op: 'Identity', inputs: ['x'], outputs: ['y'] })],
    }),
  });
}

/** `y` = as many ones as the int64 input `size` says: eight bytes of request for any amount of memory. */
export function onesOfSize(): Uint8Array {
  return model({
    graph: graph({
      inputs: [value('size', 'int64', [1])],
      outputs: [value('y', 'float32', ['size'])],
      initializers: [floatTensor('one', [1], [1])],
      nodes: [node({ op: 'Expand', inputs: ['one', 'size'], outputs: ['y'] })],
    }),
  });
}

/** `y` = 1, by the mean of as many ones as `size` says: a small answer that takes memory, which the engine keeps. */
export function sumOfOnes(): Uint8Array {
  return model({
    graph: graph({
      inputs: [value('size', 'int64', [1])],
      outputs: [value('y', 'float32', [1])],
      initializers: [floatTensor('one', [1], [1])],
      nodes: [
        node({ op: 'Expand', inputs: ['one', 'size'], outputs: ['ones'] }),
        node({ op: 'ReduceMean', inputs: ['ones'], outputs: ['y'] }),
      ],
    }),
  });
}

/** Convolutions and a matrix that differ in every weight: what an engine packs, lays out anew and fuses. */
export function smallNetwork(channels: number): Uint8Array {
  const conv = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  return model({
    graph: graph({
      inputs: [value('x', 'float32', ['batch', 3, 16, 16])],
      outputs: [value('y', 'float32', ['batch', 10])],
      initializers: [
        variedTensor('w1', [channels, 3, 3, 3]),
        variedTensor('w2', [channels, channels, 3, 3]),
        variedTensor('w3', [channels, 10]),
      ],
      nodes: [
        node({ op: 'Conv', inputs: ['x', 'w1'], outputs: ['c1'], attributes: conv }),
        node({ op: 'Relu', inputs: ['c1'], outputs: ['r1'] }),
        node({ op: 'Conv', inputs: ['r1', 'w2'], outputs: ['c2'], attributes: conv }),
        node({ op: 'Relu', inputs: ['c2'], outputs: ['r2'] }),
        node({ op: 'GlobalAveragePool', inputs: ['r2'], outputs: ['p'] }),
        node({ op: 'Flatten', inputs: ['p'], outputs: ['f'] }),
        node({ op: 'MatMul', inputs: ['f', 'w3'], outputs: ['y'] }),
      ],
    }),
  });
}

/** Small values, the same in every call, hardly any of them twice. */
function variedTensor(name: string, dims: readonly number[]): Uint8Array {
  const length = dims.reduce((product, dim) => product * dim, 1);
  const values = Float32Array.from({ length }, (_, i) => Math.sin(i * 12.9898 + length) / Math.sqrt(length));
  return tensor({ name, element: 'float32', dims, raw: littleEndian(values) });
}

export interface MatMulOptions {
  /** Length of a row of `x`. */
  readonly width: number;
  /** Length of a row of `y`. */
  readonly outputWidth: number;
}

/** `y = x w` for float32 `x` of shape [batch, width]; all weights are 1, so that y is the sum of the row. */
export function matMul({ width, outputWidth }: MatMulOptions): Uint8Array {
  const weights = new Float32Array(width * outputWidth).fill(1);
  return matMulWith(
    tensor({ name: 'w', element: 'float32', dims: [width, outputWidth], raw: littleEndian(weights) }),
    width,
    outputWidth,
  );
}

/** `matMul` with its weights in a file `location` beside the model. */
export function externalMatMul({ width, outputWidth }: MatMulOptions, location = 'weights.bin') {
  const weights = littleEndian(new Float32Array(width * outputWidth).fill(1));
  const external = { location, offset: '0', length: String(weights.byteLength) };
  const bytes = matMulWith(
    tensor({ name: 'w', element: 'float32', dims: [width, outputWidth], external }),
    width,
    outputWidth,
  );
  return { model: bytes, weights };
}

/** `matMul` with any TensorProto named `w` as its weights. */
export function matMulWith(weights: Uint8Array, width: number, outputWidth: number): Uint8Array {
  return model({
    graph: graph({
      inputs: [value('x', 'float32', ['batch', width])],
      outputs: [value('y', 'float32', ['batch', outputWidth])],
      initializers: [weights],
      nodes: [node({ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] })],
    }),
  });
}

/** A valid model whose run takes `trips` rounds of a Loop: 2^62 never end. Adds 1 to `x` in each. */
export function loop(trips: bigint): Uint8Array {
  const body = addOne(null);
  return model({
    graph: graph({
      inputs: [value('x', 'float32', ['batch'])],
      outputs: [value('y', 'float32', ['batch'])],
      initializers: [
        tensor({ name: 'trips', element: 'int64', dims: [], int64s: [trips] }),
        tensor({ name: 'always', element: 'bool', dims: [], int32s: [1] }),
      ],
      nodes: [
        node({
          op: 'Loop',
          inputs: ['trips', 'always', 'x'],
          outputs: ['y'],
          attributes: { body: { graph: body } },
        }),
      ],
    }),
  });
}

/** `y = x - mean(x)` over the batch: a free first dimension, but every row sees the others. */
export function minusBatchMean(): Uint8Array {
  return model({
    graph: graph({
      inputs: [value('x', 'float32', ['batch'])],
      outputs: [value('y', 'float32', ['batch'])],
      nodes: [
        node({ op: 'ReduceMean', inputs: ['x'], outputs: ['mean'] }),
        node({ op: 'Sub', inputs: ['x', 'mean'], outputs: ['y'] }),
      ],
    }),
  });
}

/** `count` = number of rounds of a Loop, as many as the input `trips` says. */
export function countingLoop(): Uint8Array {
  const body = addOne([]);
  return model({
    graph: graph({
      inputs: [value('trips', 'int64', [1])],
      outputs: [value('count', 'float32', [])],
      initializers: [
        floatTensor('zero', [], [0]),
        tensor({ name: 'always', element: 'bool', dims: [], int32s: [1] }),
      ],
      nodes: [
        node({
          op: 'Loop',
          inputs: ['trips', 'always', 'zero'],
          outputs: ['count'],
          attributes: { body: { graph: body } },
        }),
      ],
    }),
  });
}

/** Body of a Loop that goes on and adds 1 to what it carries. */
function addOne(dims: readonly Dimension[] | null): Uint8Array {
  return graph({
    name: 'body',
    inputs: [value('i', 'int64', []), value('go', 'bool', []), value('before', 'float32', dims)],
    outputs: [value('goOn', 'bool', []), value('after', 'float32', dims)],
    initializers: [floatTensor('one', [], [1])],
    nodes: [
      node({ op: 'Identity', inputs: ['go'], outputs: ['goOn'] }),
      node({ op: 'Add', inputs: ['before', 'one'], outputs: ['after'] }),
    ],
  });
}
