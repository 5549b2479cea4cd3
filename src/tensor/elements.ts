/** Single elements from and to JavaScript values, with the range of each dtype checked. */
import { SkyliftError } from '../core/errors.ts';
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from './half.ts';
import { ARRAY_OF_TYPE } from './packed.ts';
import type { ArrayOfType, PackedArray, PackedType } from './packed.ts';

/** A value of one element: bool, number, bigint (the 64-bit integers), text or bytes (string). */
export type Element = boolean | number | bigint | string | Uint8Array;

/** Smallest and largest value of each integer dtype. */
export const INTEGER_RANGE = {
  int8: [-(2n ** 7n), 2n ** 7n - 1n],
  int16: [-(2n ** 15n), 2n ** 15n - 1n],
  int32: [-(2n ** 31n), 2n ** 31n - 1n],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint8: [0n, 2n ** 8n - 1n],
  uint16: [0n, 2n ** 16n - 1n],
  uint32: [0n, 2n ** 32n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
} as const satisfies Partial<Record<PackedType, readonly [bigint, bigint]>>;

export type IntegerType = keyof typeof INTEGER_RANGE;

/** Packs values into the array of the dtype. Throws SKY_TENSOR_INVALID for a value that the dtype cannot hold. */
export function packElements(dtype: PackedType, values: readonly Element[]): PackedArray {
  switch (dtype) {
    case 'bool':
      return fill(new Uint8Array(values.length), values, (value, index) => Number(booleanOf(value, index)));
    case 'float16':
    case 'bfloat16': {
      const bitsOf = dtype === 'float16' ? float16Bits : bfloat16Bits;
      return fill(new Uint16Array(values.length), values, (value, index) =>
        bitsOf(numberOf(dtype, value, index)),
      );
    }
    case 'float32':
    case 'float64':
      return fill(new ARRAY_OF_TYPE[dtype](values.length), values, (value, index) =>
        numberOf(dtype, value, index),
      );
    case 'int64':
    case 'uint64':
      return new ARRAY_OF_TYPE[dtype](values.map((value, index) => bigintOf(dtype, value, index)));
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
      return fill(new ARRAY_OF_TYPE[dtype](values.length), values, (value, index) =>
        Number(bigintOf(dtype, value, index)),
      );
    default:
      return dtype satisfies never;
  }
}

/** What `from` of the typed arrays does, without its iterator, which costs ten times as much. */
function fill<A extends { [index: number]: number }>(
  array: A,
  values: readonly Element[],
  numberAt: (value: Element, index: number) => number,
): A {
  values.forEach((value, index) => {
    array[index] = numberAt(value, index);
  });
  return array;
}

/** JavaScript values of packed elements: boolean, number, or bigint for the 64-bit integers. */
export function unpackElements<T extends PackedType>(
  dtype: T,
  array: ArrayOfType[T],
): (boolean | number | bigint)[] {
  const values: (number | bigint)[] = Array.from<number | bigint>(array as Iterable<number | bigint>);
  if (dtype === 'bool') return values.map((value) => value !== 0);
  if (dtype === 'float16') return values.map((bits) => float16Value(Number(bits)));
  if (dtype === 'bfloat16') return values.map((bits) => bfloat16Value(Number(bits)));
  return values;
}

function booleanOf(value: Element, index: number): boolean {
  if (typeof value !== 'boolean') throw wrongElement('bool', value, index);
  return value;
}

function numberOf(dtype: PackedType, value: Element, index: number): number {
  if (typeof value !== 'number') throw wrongElement(dtype, value, index);
  return value;
}

function bigintOf(dtype: IntegerType, value: Element, index: number): bigint {
  const isInteger = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
  if (!isInteger) throw wrongElement(dtype, value, index);
  const integer = BigInt(value);
  const [least, most] = INTEGER_RANGE[dtype];
  if (integer < least || integer > most) throw wrongElement(dtype, value, index);
  return integer;
}

function wrongElement(dtype: string, value: Element, index: number): SkyliftError {
  const isPayload = typeof value === 'string' || typeof value === 'object';
  return new SkyliftError(
    'SKY_TENSOR_INVALID',
    `element ${index} is ${isPayload ? `a ${typeof value}` : String(value)}, which ${dtype} cannot hold`,
    { details: { index, dtype } },
  );
}
