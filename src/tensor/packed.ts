/** Numbers of a tensor as they lie in its bytes: views where alignment allows, one copy where it does not. */
import { SkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { checkStrings } from './strings.ts';
import { ELEMENT_BYTES, elementCount, requireElements } from './tensor.ts';
import type { DataType, Tensor } from './tensor.ts';

/** dtypes whose elements have one size; all but string. */
export type PackedType = Exclude<DataType, 'string'>;

/** The array that holds elements of each dtype; bool is 0 or 1, the halves are bit patterns. */
export interface ArrayOfType {
  readonly bool: Uint8Array;
  readonly int8: Int8Array;
  readonly int16: Int16Array;
  readonly int32: Int32Array;
  readonly int64: BigInt64Array;
  readonly uint8: Uint8Array;
  readonly uint16: Uint16Array;
  readonly uint32: Uint32Array;
  readonly uint64: BigUint64Array;
  readonly float16: Uint16Array;
  readonly bfloat16: Uint16Array;
  readonly float32: Float32Array;
  readonly float64: Float64Array;
}

export type PackedArray = ArrayOfType[PackedType];

/** Constructors of ArrayOfType. */
export const ARRAY_OF_TYPE = {
  bool: Uint8Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const;

/**
 * A tensor over bytes that came from outside, without a copy. Throws SKY_TENSOR_INVALID when the bytes are not what
 * dtype and dims need, SKY_REQUEST_TOO_LARGE beyond `maxElements` (default: max_tensor_elements).
 */
export function rawTensor(
  dtype: DataType,
  dims: readonly number[],
  bytes: Uint8Array,
  maxElements: number = LIMITS.max_tensor_elements.default,
): Tensor {
  requireElements(dims, maxElements);
  const count = elementCount(dims);
  if (dtype === 'string') checkStrings(bytes, count);
  else if (bytes.byteLength !== count * ELEMENT_BYTES[dtype])
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `${dtype}[${dims.join(',')}] needs ${count * ELEMENT_BYTES[dtype]} bytes, not ${bytes.byteLength}`,
    );
  if (dtype === 'bool') checkBooleans(bytes);
  return { dtype, dims, bytes };
}

/** Native code relies on it. */
function checkBooleans(bytes: Uint8Array): void {
  for (const byte of bytes)
    if (byte > 1)
      throw new SkyliftError('SKY_TENSOR_INVALID', `byte ${byte} is no boolean: only 0 and 1 are`);
}

/** The elements as a typed array: a view over the tensor's bytes if they are aligned, otherwise a copy. */
export function typedView<T extends PackedType>(tensor: Tensor & { readonly dtype: T }): ArrayOfType[T] {
  const { dtype, bytes } = tensor;
  const size = ELEMENT_BYTES[dtype];
  const aligned = bytes.byteOffset % size === 0 ? bytes : Uint8Array.from(bytes);
  const { buffer, byteOffset } = aligned;
  const array = new ARRAY_OF_TYPE[dtype](buffer as ArrayBuffer, byteOffset, bytes.byteLength / size);
  return array as ArrayOfType[T]; // the constructor of that very dtype
}

/** The bytes of a typed array, without a copy. */
export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
