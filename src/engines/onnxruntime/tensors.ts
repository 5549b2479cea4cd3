/** Between our tensors (bytes) and those of onnxruntime-node (typed arrays and arrays of strings). */
import { SkyliftError } from '../../core/errors.ts';
import { bytesOf, typedView } from '../../tensor/packed.ts';
import { decodeStrings, encodeStrings } from '../../tensor/strings.ts';
import { elementCount } from '../../tensor/tensor.ts';
import type { DataType, Tensor } from '../../tensor/tensor.ts';

/** What the binding takes as an input; plain objects are enough for it. */
export interface OrtTensor {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView | readonly string[];
  readonly location: 'cpu';
}

/** Element types of the binding by number (TensorProto.DataType of onnx.proto). */
const DATA_TYPES: readonly (DataType | undefined)[] = [
  undefined,
  'float32',
  'uint8',
  'int8',
  'uint16',
  'int16',
  'int32',
  'int64',
  'string',
  'bool',
  'float16',
  'float64',
  'uint32',
  'uint64',
];

/** The dtype of metadata, which names it or numbers it; undefined for types that cannot be served. */
export function ortDataType(type: string | number | undefined): DataType | undefined {
  return typeof type === 'number' ? DATA_TYPES[type] : DATA_TYPES.find((dtype) => dtype === type);
}

/**
 * What the binding takes for a tensor; numbers are not copied when they are aligned. Throws SKY_TENSOR_INVALID for text
 * that is not UTF-8, SKY_ENGINE_RUN for bfloat16.
 */
export function toOrt(tensor: Tensor): OrtTensor {
  const { dtype, dims, bytes } = tensor;
  if (dtype === 'bfloat16')
    throw new SkyliftError('SKY_ENGINE_RUN', 'onnxruntime-node cannot take bfloat16 tensors');
  const data =
    dtype === 'string'
      ? decodeStrings(bytes, elementCount(dims)).map(decodeText)
      : typedView({ ...tensor, dtype });
  return { type: dtype, dims, data, location: 'cpu' };
}

/** A tensor over the memory of the result. Throws SKY_ENGINE_RUN for types that cannot be served. */
export function fromOrt(name: string, { type, dims, data }: OrtTensor): Tensor {
  const dtype = ortDataType(type);
  if (dtype === undefined)
    throw new SkyliftError('SKY_ENGINE_RUN', `output "${name}" has type ${type}, which cannot be served`);
  return { dtype, dims, bytes: ArrayBuffer.isView(data) ? bytesOf(data) : encodeStrings(data) };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeText(bytes: Uint8Array, place: number): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    const message = `string ${place} of ${bytes.length} bytes is not UTF-8, which onnxruntime-node needs`;
    throw new SkyliftError('SKY_TENSOR_INVALID', message, { cause: error });
  }
}
