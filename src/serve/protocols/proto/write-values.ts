/** The elements of a tensor as a repeated field, numbers packed. */
import { unreachable } from '../../../core/errors.ts';
import type { ProtoWriter } from '../../../core/proto-writer.ts';
import { typedView } from '../../../tensor/packed.ts';
import { decodeStrings } from '../../../tensor/strings.ts';
import { elementCount } from '../../../tensor/tensor.ts';
import type { Tensor } from '../../../tensor/tensor.ts';

/** Varints of small numbers take less, of negative ones more. */
const VARINT_GUESS_BYTES = 2;

/** Writes every element into `field`; nothing for a tensor without elements. */
export function writeElements(writer: ProtoWriter, field: number, { dtype, dims, bytes }: Tensor): void {
  if (bytes.length === 0) return;
  switch (dtype) {
    case 'string':
      for (const element of decodeStrings(bytes, elementCount(dims))) writer.bytes(field, element);
      return;
    case 'float32':
    case 'float64':
    case 'bool': // one byte, 0 or 1: what a varint of it is
      writer.bytes(field, bytes);
      return;
    case 'int64':
    case 'uint64': {
      const wide = typedView({ dtype, dims, bytes });
      const words = new Uint32Array(wide.buffer, wide.byteOffset, wide.length * 2);
      packed(writer, field, wide.length, (index) =>
        writer.rawVarint(words[2 * index] ?? 0, words[2 * index + 1] ?? 0),
      );
      return;
    }
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'uint32':
    case 'float16':
    case 'bfloat16': {
      const values = typedView({ dtype, dims, bytes });
      packed(writer, field, values.length, (index) => writer.rawInteger(values[index] ?? 0));
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
