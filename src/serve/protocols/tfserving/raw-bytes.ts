/**
 * An extension: where the signature wants numbers and fixes all dimensions but the first, `{"b64": "..."}` holds the
 * little-endian bytes of them. It avoids the text of numbers, which costs about a hundred times as much to read.
 */
import { SkyliftError } from '../../../core/errors.ts';
import { ELEMENT_BYTES } from '../../../tensor/tensor.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { base64At, readBase64 } from './base64.ts';
import type { JsonBody } from './json-body.ts';
import type { PredictFormat } from './request-object.ts';

/**
 * The tensor in the base64 object that comes next: one row (dims without the first) in row format, the whole tensor
 * with as many rows as the bytes make in column format. undefined when another value comes, or the spec does not fix
 * what is needed. Throws SKY_TENSOR_INVALID when the number of bytes does not fit.
 */
export function readRawBytes(body: JsonBody, spec: TensorSpec, format: PredictFormat): Tensor | undefined {
  const found = body.reader.kind() === 'object' ? base64At(body, body.reader.offset) : undefined;
  const rowDims = found && fixedRowDims(spec);
  if (!found || !rowDims || spec.dtype === 'string') return undefined;
  const bytes = readBase64(body, found);
  const rowBytes = rowDims.reduce((product, dim) => product * dim, ELEMENT_BYTES[spec.dtype]);
  const rows = bytes.length / rowBytes;
  if (format === 'row' ? bytes.length !== rowBytes : !Number.isInteger(rows))
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `Input ${spec.name}: base64 data holds ${bytes.length} bytes, but ${rowBytes} are one row ${spec.dtype}[${rowDims.join(',')}]`,
    );
  return { dtype: spec.dtype, dims: format === 'row' ? rowDims : [rows, ...rowDims], bytes };
}

/** Dims of one row; undefined unless they are all fixed and none is 0. Booleans have no raw form: not every byte is one. */
function fixedRowDims({ dtype, dims }: TensorSpec): number[] | undefined {
  if (dtype === 'string' || dtype === 'bool' || dims === null || dims.length === 0) return undefined;
  const row = dims.slice(1).filter((dim): dim is number => typeof dim === 'number' && dim > 0);
  return row.length === dims.length - 1 ? row : undefined;
}
