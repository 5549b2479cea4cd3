/** The classification extension: the greatest elements of an output and where they stand. */
import { SkyliftError } from '../../../core/errors.ts';
import { elementCount } from '../../../tensor/tensor.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { tensor, tensorValues } from '../../../tensor/values.ts';

const FLOATS: ReadonlySet<string> = new Set(['float16', 'bfloat16', 'float32', 'float64']);

/**
 * BYTES of shape [rows, classes], or [classes] for an output without rows: `value:index`, the greatest first; floats
 * with six decimals as Triton writes them. Throws SKY_TENSOR_INVALID for outputs that are no numbers.
 */
export function topClasses(output: Tensor, classes: number): Tensor {
  const { dtype, dims } = output;
  if (dtype === 'string' || dtype === 'bool')
    throw new SkyliftError('SKY_TENSOR_INVALID', `${dtype} elements cannot be ranked`);
  const rowDims = dims.length > 1 ? dims.slice(1) : dims;
  const rows = dims.length > 1 ? (dims[0] ?? 1) : 1;
  const rowLength = elementCount(rowDims);
  const count = Math.min(classes, rowLength);
  const values = tensorValues(output) as (number | bigint)[]; // no strings and no booleans
  const text = FLOATS.has(dtype) ? (value: number | bigint) => Number(value).toFixed(6) : String;
  const texts: string[] = [];
  for (let row = 0; row < rows; row++)
    for (const index of greatest(values.slice(row * rowLength, (row + 1) * rowLength), count))
      texts.push(`${text(values[row * rowLength + index] ?? 0)}:${index}`);
  return tensor('string', dims.length > 1 ? [rows, count] : [count], texts);
}

/** Places of the `count` greatest values, of equal ones the first; NaN comes last. */
function greatest(values: readonly (number | bigint)[], count: number): number[] {
  const places = Array.from(values.keys());
  const key = (place: number): number | bigint => {
    const value = values[place] ?? 0;
    return Number.isNaN(value) ? -Infinity : value;
  };
  return places.toSorted((left, right) => compare(key(right), key(left)) || left - right).slice(0, count);
}

function compare(left: number | bigint, right: number | bigint): number {
  if (left < right) return -1;
  return left > right ? 1 : 0;
}
