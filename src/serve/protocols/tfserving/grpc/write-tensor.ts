/** Tensor -> TensorProto. Every value is written: clients check that there are as many as elements. */
import type { ProtoWriter } from '../../../../core/proto-writer.ts';
import type { Tensor } from '../../../../tensor/tensor.ts';
import { writeElements } from '../../proto/write-values.ts';
import { DTYPE_NAMES } from '../dtypes.ts';
import { VALUE_FIELDS } from './value-fields.ts';

/** Dtype, shape and tags around the values. */
const OUTLINE_BYTES = 32;

/** About the size of the TensorProto of `tensor`. */
export function expectedTensorBytes({ dims, bytes }: Tensor): number {
  return OUTLINE_BYTES + 4 * dims.length + bytes.length;
}

/** Writes the fields of a TensorProto. @param asContent `tensor_content` instead of the typed fields; not for strings */
export function writeTensorProto(writer: ProtoWriter, tensor: Tensor, asContent: boolean): void {
  const { dtype, dims, bytes } = tensor;
  writer.integer(1, DTYPE_NAMES[dtype].enumNumber);
  writer.message(2, () => {
    for (const dim of dims) writer.message(2, () => writer.integer(1, dim));
  });
  if (asContent && dtype !== 'string') writer.bytes(4, bytes);
  else writeElements(writer, VALUE_FIELDS[dtype], tensor);
}
