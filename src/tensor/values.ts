/** Tensors from JavaScript values and back: the public way in and out. */
import { SkyliftError } from '../core/errors.ts';
import { packElements, unpackElements } from './elements.ts';
import type { Element } from './elements.ts';
import { ARRAY_OF_TYPE, bytesOf, typedView } from './packed.ts';
import type { ArrayOfType, PackedArray, PackedType } from './packed.ts';
import { decodeStrings, encodeStrings } from './strings.ts';
import { elementCount } from './tensor.ts';
import type { DataType, Tensor } from './tensor.ts';

/** What `tensor` takes for a dtype: plain values, or for packed dtypes the typed array that holds such elements. */
export type ValuesOf<T extends DataType> =
  | readonly Element[]
  | (T extends PackedType ? ArrayOfType[T] : never);

/**
 * A tensor of `values` in row-major order. A typed array is viewed, not copied. Numbers round to the float dtypes;
 * integers must fit. Throws SKY_TENSOR_INVALID for a wrong count, type or range.
 * @example tensor('float32', [1, 3], [0.5, 1, 2])
 */
export function tensor<T extends DataType>(dtype: T, dims: readonly number[], values: ValuesOf<T>): Tensor {
  const count = elementCount(dims);
  if (values.length !== count)
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `tensor ${dtype}[${dims.join(',')}] needs ${count} values, not ${values.length}`,
    );
  return { dtype, dims, bytes: valueBytes(dtype, values) };
}

/** The elements in row-major order: boolean, number, bigint (int64, uint64), or bytes (string). */
export function tensorValues(tensor: Tensor): Element[] {
  const { dtype, dims, bytes } = tensor;
  if (dtype === 'string') return decodeStrings(bytes, elementCount(dims));
  return unpackElements(dtype, typedView({ dtype, dims, bytes }));
}

function valueBytes(dtype: DataType, values: readonly Element[] | PackedArray): Uint8Array {
  if (ArrayBuffer.isView(values)) {
    if (dtype === 'string' || !(values instanceof ARRAY_OF_TYPE[dtype]))
      throw new SkyliftError(
        'SKY_TENSOR_INVALID',
        `${values.constructor.name} does not hold ${dtype} elements`,
      );
    return bytesOf(values);
  }
  if (dtype !== 'string') return bytesOf(packElements(dtype, values));
  return encodeStrings(values.map(textOrBytes));
}

function textOrBytes(value: Element, index: number): string | Uint8Array {
  if (typeof value === 'string' || value instanceof Uint8Array) return value;
  throw new SkyliftError('SKY_TENSOR_INVALID', `element ${index} is a ${typeof value}, not text or bytes`);
}
