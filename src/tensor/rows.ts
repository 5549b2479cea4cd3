/** Rows along the first dimension: batches are put together and taken apart without looking at the elements. */
import { SkyliftError } from '../core/errors.ts';
import { skipStrings } from './strings.ts';
import { ELEMENT_BYTES, elementCount } from './tensor.ts';
import type { Tensor } from './tensor.ts';

/** One tensor of all rows in order; a single tensor comes back as it is. Throws SKY_TENSOR_SHAPE_MISMATCH. */
export function concatRows(tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first === undefined) throw new SkyliftError('SKY_TENSOR_INVALID', 'no tensors to put together');
  let rows = 0;
  for (const tensor of tensors) rows += rowsLike(tensor, first);
  if (tensors.length === 1) return first;
  const bytes = Buffer.concat(tensors.map((tensor) => tensor.bytes));
  return { dtype: first.dtype, dims: [rows, ...first.dims.slice(1)], bytes };
}

/** Rows `start` to `start + count` as a view over the same bytes. Throws SKY_TENSOR_INVALID outside of the tensor. */
export function sliceRows(tensor: Tensor, start: number, count: number): Tensor {
  const { dtype, dims, bytes } = tensor;
  const rows = rowsLike(tensor, tensor);
  if (start < 0 || count < 0 || start + count > rows)
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `rows ${start} to ${start + count} of a tensor with ${rows}`,
    );
  const rowDims = dims.slice(1);
  const perRow = elementCount(rowDims);
  const slice = { dtype, dims: [count, ...rowDims] };
  if (dtype === 'string') {
    const from = skipStrings(bytes, 0, start * perRow);
    return { ...slice, bytes: bytes.subarray(from, skipStrings(bytes, from, count * perRow)) };
  }
  const rowBytes = perRow * ELEMENT_BYTES[dtype];
  return { ...slice, bytes: bytes.subarray(start * rowBytes, (start + count) * rowBytes) };
}

/** Number of rows, when dtype and row shape are those of `model`. */
function rowsLike(tensor: Tensor, model: Tensor): number {
  const [rows] = tensor.dims;
  if (rows === undefined) throw new SkyliftError('SKY_TENSOR_INVALID', 'a scalar has no rows');
  const isAlike =
    tensor.dtype === model.dtype &&
    tensor.dims.length === model.dims.length &&
    tensor.dims.every((dim, axis) => axis === 0 || dim === model.dims[axis]);
  if (!isAlike)
    throw new SkyliftError(
      'SKY_TENSOR_SHAPE_MISMATCH',
      `rows of ${shapeOf(tensor)} beside ${shapeOf(model)}`,
    );
  return rows;
}

function shapeOf(tensor: Tensor): string {
  return `${tensor.dtype}[${tensor.dims.join(',')}]`;
}
