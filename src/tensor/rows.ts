/** Rows of tensors: joins the inputs of several jobs along the first axis and parts the outputs again, without copies. */
import { SkyliftError } from '../core/errors.ts';
import { skipStrings } from './strings.ts';
import { ELEMENT_BYTES } from './tensor.ts';
import type { DataType, Tensor } from './tensor.ts';

/** A tensor whose bytes may lie in several places: one after the other they are its elements. */
export interface ScatteredTensor {
  readonly dtype: DataType;
  readonly dims: readonly number[];
  readonly chunks: readonly Uint8Array[];
}

/** The same input of several jobs as one tensor: dims agree but for the first, rows stand one after the other. */
export function joinRows(parts: readonly Tensor[]): ScatteredTensor {
  const [first] = parts;
  if (!first) throw new SkyliftError('SKY_INTERNAL', 'no tensors to join');
  const chunks = parts.map((part) => part.bytes);
  if (parts.length === 1) return { dtype: first.dtype, dims: first.dims, chunks };
  const rows = parts.reduce((sum, part) => sum + (part.dims[0] ?? 0), 0);
  return { dtype: first.dtype, dims: [rows, ...first.dims.slice(1)], chunks };
}

/** True when every tensor has `rows` as its first dimension, so that `splitRows` may part it. */
export function haveRows(tensors: readonly Tensor[], rows: number): boolean {
  return tensors.every((tensor) => tensor.dims[0] === rows);
}

/** Parts a tensor into views of so many rows each. The bytes must fit the dims; `rows` must add up to the first. */
export function splitRows(tensor: Tensor, rows: readonly number[]): Tensor[] {
  const inner = tensor.dims.slice(1);
  const elements = inner.reduce((product, dim) => product * dim, 1);
  let at = 0;
  return rows.map((count) => {
    const end =
      tensor.dtype === 'string'
        ? skipStrings(tensor.bytes, at, count * elements)
        : at + count * elements * ELEMENT_BYTES[tensor.dtype];
    const bytes = tensor.bytes.subarray(at, end);
    at = end;
    return { dtype: tensor.dtype, dims: [count, ...inner], bytes };
  });
}

/** Tensors by job instead of by input or output: `result[job][i]`. A single job keeps its tensors, whatever their dims. */
export function splitJobs(tensors: readonly Tensor[], rows: readonly number[]): (readonly Tensor[])[] {
  if (rows.length === 1) return [tensors];
  const split = tensors.map((tensor) => splitRows(tensor, rows));
  return rows.map((_, job) => split.flatMap((parts) => parts[job] ?? []));
}
