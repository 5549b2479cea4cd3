/** Tensors are views over bytes: dtype, dims and little-endian bytes, nothing else. */
import { SkyliftError } from '../core/errors.ts';

export type DataType =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64'
  | 'string';

/** Bytes per element; `string` has none: each element is a u32 LE length and that many bytes. */
export const ELEMENT_BYTES: Readonly<Record<Exclude<DataType, 'string'>, number>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
};

export interface Tensor {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  /** Little-endian, row-major, exactly as long as dims say. May be unaligned and may view a larger buffer. */
  readonly bytes: Uint8Array;
}

/** What a signature says of one input or output. A string is a symbolic dimension, `null` an unknown rank. */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: DataType;
  readonly dims: readonly (number | string)[] | null;
}

/** Number of elements; 1 for a scalar. Throws SKY_TENSOR_INVALID for negative, fractional or unsafe products. */
export function elementCount(dims: readonly number[]): number {
  let count = 1;
  for (const dim of dims) {
    if (!Number.isSafeInteger(dim) || dim < 0)
      throw new SkyliftError('SKY_TENSOR_INVALID', `dimension ${dim} of [${dims.join(',')}]`);
    count *= dim;
  }
  if (!Number.isSafeInteger(count))
    throw new SkyliftError('SKY_TENSOR_INVALID', `shape [${dims.join(',')}] has too many elements`);
  return count;
}

/** Throws SKY_REQUEST_TOO_LARGE for more elements than `most` (limit max_tensor_elements), SKY_TENSOR_INVALID as elementCount. */
export function requireElements(dims: readonly number[], most: number): void {
  if (elementCount(dims) > most) throw tooManyElements(most);
}

/** SKY_REQUEST_TOO_LARGE: more than `most` (limit max_tensor_elements). */
export function tooManyElements(most: number): SkyliftError {
  return new SkyliftError('SKY_REQUEST_TOO_LARGE', `a tensor exceeds max_tensor_elements (${most})`, {
    details: { limit: 'max_tensor_elements' },
  });
}

/** SKY_REQUEST_TOO_LARGE: more dimensions than `most` (limit max_tensor_rank). */
export function tooManyDimensions(most: number): SkyliftError {
  return new SkyliftError('SKY_REQUEST_TOO_LARGE', `a tensor exceeds max_tensor_rank (${most})`, {
    details: { limit: 'max_tensor_rank' },
  });
}

/** Bytes that dims need. For `string` the smallest legal size (every element empty). */
export function byteSize(dtype: DataType, dims: readonly number[]): number {
  return elementCount(dims) * (dtype === 'string' ? 4 : ELEMENT_BYTES[dtype]);
}
