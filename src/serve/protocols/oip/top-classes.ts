/** The classification extension: the greatest elements of each row of an output, and where they stand. */
import { SkyliftError } from '../../../core/errors.ts';
import { floatReader } from '../../../tensor/float-reader.ts';
import { typedView } from '../../../tensor/packed.ts';
import { elementCount } from '../../../tensor/tensor.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { tensor } from '../../../tensor/values.ts';

export interface TopClassesOptions {
  /** How many elements of each row. */
  readonly classes: number;
  /** The first dimension counts rows; otherwise all elements are one row. */
  readonly isBatched: boolean;
  /** Limit max_classes. */
  readonly maxClasses: number;
}

interface Numbers {
  readonly valueAt: (place: number) => number | bigint;
  readonly text: (value: number | bigint) => string;
}

/**
 * BYTES of shape [rows, classes], or [classes] for an output without rows: `value:index`, the greatest first and NaN
 * last; floats with six decimals. Throws SKY_TENSOR_INVALID for outputs that are no numbers, SKY_REQUEST_TOO_LARGE.
 */
export function topClasses(output: Tensor, options: TopClassesOptions): Tensor {
  const { dims } = output;
  const rows = options.isBatched ? (dims[0] ?? 1) : 1;
  const rowLength = elementCount(options.isBatched ? dims.slice(1) : dims);
  const count = Math.min(options.classes, rowLength);
  if (rows * count > options.maxClasses)
    throw new SkyliftError(
      'SKY_REQUEST_TOO_LARGE',
      `classification exceeds max_classes (${options.maxClasses})`,
      {
        details: { limit: 'max_classes' },
      },
    );
  const { valueAt, text } = numbersOf(output);
  const texts: string[] = [];
  for (let row = 0; row < rows; row++)
    for (const place of greatest(valueAt, row * rowLength, rowLength, count))
      texts.push(`${text(valueAt(place))}:${place - row * rowLength}`);
  return tensor('string', options.isBatched ? [rows, count] : [count], texts);
}

function numbersOf(output: Tensor): Numbers {
  const { dtype, dims, bytes } = output;
  if (dtype === 'string' || dtype === 'bool')
    throw new SkyliftError('SKY_TENSOR_INVALID', `${dtype} elements cannot be ranked`);
  const floatAt = floatReader(output);
  if (floatAt) return { valueAt: floatAt, text: (value) => Number(value).toFixed(6) };
  const integers = typedView({ dtype, dims, bytes });
  return { valueAt: (place) => integers[place] ?? 0, text: String };
}

/** Places of the `count` greatest of `length` values from `start` on, the greatest first; of equal ones the first. */
function greatest(valueAt: Numbers['valueAt'], start: number, length: number, count: number): Uint32Array {
  const isBefore = (left: number, right: number): boolean => {
    const leftValue = valueAt(left);
    const rightValue = valueAt(right);
    return isGreater(leftValue, rightValue) || (left < right && !isGreater(rightValue, leftValue));
  };
  const heap = Uint32Array.from({ length: count }, (_, i) => start + i); // the last in order on top
  for (let i = count >>> 1; i-- > 0;) sink(heap, i, isBefore);
  for (let place = start + count; place < start + length; place++) {
    if (count === 0 || !isBefore(place, heap[0] ?? 0)) continue;
    heap[0] = place;
    sink(heap, 0, isBefore);
  }
  return heap.toSorted((left, right) => (isBefore(left, right) ? -1 : 1));
}

/** Lets the element at `from` sink until nothing below it comes later in order. */
function sink(heap: Uint32Array, from: number, isBefore: (left: number, right: number) => boolean): void {
  const sinking = heap[from] ?? 0;
  let at = from;
  for (let below = 2 * at + 1; below < heap.length; below = 2 * at + 1) {
    if (below + 1 < heap.length && isBefore(heap[below] ?? 0, heap[below + 1] ?? 0)) below++;
    if (!isBefore(sinking, heap[below] ?? 0)) break;
    heap[at] = heap[below] ?? 0;
    at = below;
  }
  heap[at] = sinking;
}

/** NaN is less than everything else. */
function isGreater(left: number | bigint, right: number | bigint): boolean {
  return left > right || (Number.isNaN(right) && !Number.isNaN(left));
}
