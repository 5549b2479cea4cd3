/** TensorFlow Serving's metadata document as signatures with our dtypes. Whatever has another form is refused. */
import type { DataType, TensorSpec } from '../tensor/tensor.ts';
import { entries, integer, list, member, string, strange } from './reply-fields.ts';

export interface RemoteSignature {
  /** `tensorflow/serving/predict` and its like. */
  readonly method: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface ModelMetadata {
  readonly name: string;
  readonly version: bigint;
  readonly signatures: Readonly<Record<string, RemoteSignature>>;
}

/** tensorflow/core/framework/types.proto. */
const DTYPES: Readonly<Record<string, DataType>> = {
  DT_BOOL: 'bool',
  DT_INT8: 'int8',
  DT_INT16: 'int16',
  DT_INT32: 'int32',
  DT_INT64: 'int64',
  DT_UINT8: 'uint8',
  DT_UINT16: 'uint16',
  DT_UINT32: 'uint32',
  DT_UINT64: 'uint64',
  DT_HALF: 'float16',
  DT_BFLOAT16: 'bfloat16',
  DT_FLOAT: 'float32',
  DT_DOUBLE: 'float64',
  DT_STRING: 'string',
};
const UNKNOWN_DIMENSION = '?';

/** Throws SKY_REMOTE for a document of another form. */
export function parseMetadata(document: unknown): ModelMetadata {
  const spec = member(document, 'model_spec');
  const signatures = member(member(member(document, 'metadata'), 'signature_def'), 'signature_def');
  return {
    name: string(member(spec, 'name')),
    version: integer(member(spec, 'version')),
    signatures: Object.fromEntries(entries(signatures).map(([name, value]) => [name, signature(value)])),
  };
}

function signature(value: unknown): RemoteSignature {
  return {
    method: string(member(value, 'method_name')),
    inputs: entries(member(value, 'inputs')).map(tensorSpec),
    outputs: entries(member(value, 'outputs')).map(tensorSpec),
  };
}

function tensorSpec([name, value]: readonly [string, unknown]): TensorSpec {
  const dtype = DTYPES[string(member(value, 'dtype'))];
  if (!dtype) throw strange(`dtype of "${name}"`, member(value, 'dtype'));
  const shape = member(value, 'tensor_shape');
  if (member(shape, 'unknown_rank') === true) return { name, dtype, dims: null };
  const dims = member(shape, 'dim');
  return { name, dtype, dims: list(dims, `shape of "${name}"`).map(dimension) };
}

function dimension(value: unknown): number | string {
  const size = Number(integer(member(value, 'size')));
  if (size >= 0) return size;
  return string(member(value, 'name')) || UNKNOWN_DIMENSION;
}
