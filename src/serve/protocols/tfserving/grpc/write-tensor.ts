/** Tensor -> TensorProto. Every value is written: clients check that there are as many as elements. */
import { unreachable } from '../../../../core/errors.ts';
import type { ProtoWriter } from '../../../../core/proto-writer.ts';
import { typedView } from '../../../../tensor/packed.ts';
import { decodeStrings } from '../../../../tensor/strings.ts';
import { elementCount } from '../../../../tensor/tensor.ts';
import type { Tensor } from '../../../../tensor/tensor.ts';
import { DTYPE_NAMES } from '../dtypes.ts';
import { VALUE_FIELDS } from './value-fields.ts';

/** Dtype, shape and tags around the values. */
const OUTLINE_BYTES = 32;
/** Varints of small numbers take less, of negative ones more. */
const VARINT_GUESS_BYTES = 2;

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
  if (bytes.length === 0) return;
  if (dtype === 'string')
    for (const element of decodeStrings(bytes, elementCount(dims)))
      writer.bytes(VALUE_FIELDS.string, element);
  else if (asContent) writer.bytes(4, bytes);
  else writeValues(writer, tensor);
}

function writeValues(writer: ProtoWriter, { dtype, dims, bytes }: Tensor): void {
  switch (dtype) {
    case 'float32':
    case 'float64':
    case 'bool': // one byte, 0 or 1: what a varint of it is
      writer.bytes(VALUE_FIELDS[dtype], bytes);
      return;
    case 'int64':
    case 'uint64': {
      const wide = typedView({ dtype, dims, bytes });
      const words = new Uint32Array(wide.buffer, wide.byteOffset, wide.length * 2);
      packed(writer, VALUE_FIELDS[dtype], wide.length, (index) =>
        writer.rawVarint(words[2 * index] ?? 0, words[2 * index + 1] ?? 0),
      );
      return;
    }
    case 'string':
      return; // written one by one
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'float16':
    case 'bfloat16': {
      const values = typedView({ dtype, dims, bytes });
      packed(writer, VALUE_FIELDS[dtype], values.length, (index) => writer.rawInteger(values[index] ?? 0));
      return;
    }
    default:
      unreachable(dtype);
  }
}

function packed(writer: ProtoWriter, field: number, count: number, put: (index: number) => void): void {
  writer.message(
    field,
    () => {
      for (let index = 0; index < count; index++) put(index);
    },
    count * VARINT_GUESS_BYTES,
  );
}
