/** Models of the conformance cases, as functions on tensors. */
import { SkyliftError } from '../../src/core/errors.ts';
import type { VersionStatus } from '../../src/serve/runtime/requests.ts';
import type { DataType, Tensor, TensorSpec } from '../../src/tensor/tensor.ts';
import { AVAILABLE_123, FakeRuntime, predictSignature } from './fake-server.ts';
import type { FakeModel, Run } from './fake-server.ts';

const NUMERIC: readonly DataType[] = [
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float16',
  'bfloat16',
  'float32',
  'float64',
];

const FAILED_124: VersionStatus = {
  version: 124n,
  state: 'END',
  error: new SkyliftError('SKY_ENGINE_LOAD', 'opset 99 is not known'),
};

/** y = x / 2 + 2, the first example of TensorFlow Serving. */
const halfPlusTwo: FakeModel = {
  signatures: {
    serving_default: predictSignature([spec('x', 'float32', null)], [spec('y', 'float32', null)]),
    strict: predictSignature([spec('x', 'float32', ['batch', 3])], [spec('y', 'float32', ['batch', 3])]),
    scalars: predictSignature([spec('n', 'int64', ['batch'])], [spec('n', 'int64', ['batch'])]),
    no_inputs: predictSignature([], [spec('y', 'float32', [])]),
    classify_x: { ...predictSignature([spec('inputs', 'string', ['batch'])], []), method: 'classify' },
  },
  versions: [FAILED_124, ...AVAILABLE_123],
  labels: { stable: 123n },
  run: mapOne('x', 'y', (x) => (x.dtype === 'float32' ? { ...x, bytes: halfPlusTwoBytes(x.bytes) } : x)),
};

const twoInputs: FakeModel = {
  signatures: {
    serving_default: predictSignature(
      [spec('b', 'int64', ['batch', 2]), spec('a', 'float32', ['batch'])],
      [spec('b', 'int64', ['batch', 2]), spec('a', 'float32', ['batch'])],
    ),
  },
  versions: AVAILABLE_123,
  run: (inputs) => inputs,
};

/** Gives its strings back three times: raw, as bytes, and how many there are. */
const strings: FakeModel = {
  signatures: {
    serving_default: predictSignature(
      [spec('text', 'string', ['batch'])],
      [spec('text', 'string', ['batch']), spec('text_bytes', 'string', ['batch'])],
    ),
  },
  versions: AVAILABLE_123,
  run: (inputs) => new Map([...inputs, ['text_bytes', only(inputs, 'text')]]),
};

/** Outputs that do not fit the row format. */
const oddOutputs: FakeModel = {
  signatures: { serving_default: predictSignature([spec('x', 'float32', null)], []) },
  versions: AVAILABLE_123,
  run: (inputs) => {
    const x = only(inputs, 'x');
    const [choice] = new Float32Array(Uint8Array.from(x.bytes).buffer);
    const scalar: Tensor = { dtype: 'float32', dims: [], bytes: x.bytes.subarray(0, 4) };
    if (choice === 0) return new Map();
    return choice === 1
      ? new Map([['s', scalar]])
      : new Map([
          ['a', { ...scalar, dims: [1] }],
          ['b', x],
        ]);
  },
};

/** All models: the named ones and `echo_<dtype>`, which gives `x` back as `y`. */
export function conformanceRuntime(): FakeRuntime {
  const echoes = [...NUMERIC, 'bool' as const, 'string' as const].map((dtype) => [
    `echo_${dtype}`,
    echoModel(dtype),
  ]);
  return new FakeRuntime({
    half_plus_two: halfPlusTwo,
    two_inputs: twoInputs,
    strings,
    odd_outputs: oddOutputs,
    loading: { ...halfPlusTwo, versions: [{ version: 1n, state: 'LOADING', error: undefined }] },
    ...(Object.fromEntries(echoes) as Record<string, FakeModel>),
  });
}

/** Gives `x` back as `y`; any shape. */
function echoModel(dtype: DataType): FakeModel {
  return {
    signatures: {
      serving_default: predictSignature([spec('x', dtype, null)], [spec('y', dtype, null)]),
      rows: predictSignature([spec('x', dtype, ['batch', 2])], [spec('y', dtype, ['batch', 2])]),
    },
    versions: AVAILABLE_123,
    run: mapOne('x', 'y', (x) => x),
  };
}

function spec(name: string, dtype: DataType, dims: TensorSpec['dims']): TensorSpec {
  return { name, dtype, dims };
}

function mapOne(input: string, output: string, map: (tensor: Tensor) => Tensor): Run {
  return (inputs) => {
    const [given] = inputs.values();
    return new Map([[output, map(inputs.get(input) ?? given ?? only(inputs, input))]]);
  };
}

function only(inputs: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const found = inputs.get(name);
  if (!found) throw new SkyliftError('SKY_INPUT_UNKNOWN', name);
  return found;
}

function halfPlusTwoBytes(bytes: Uint8Array): Uint8Array {
  const x = new Float32Array(Uint8Array.from(bytes).buffer);
  return new Uint8Array(x.map((value) => value / 2 + 2).buffer);
}
