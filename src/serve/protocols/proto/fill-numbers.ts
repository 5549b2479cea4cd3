/** Repeated numbers of a protobuf message into the memory of a tensor. */
import { SkyliftError, unreachable } from '../../../core/errors.ts';
import { SCALAR } from '../../../core/proto-reader.ts';
import type { ProtoReader, ScalarWire } from '../../../core/proto-reader.ts';
import { ARRAY_OF_TYPE } from '../../../tensor/packed.ts';
import type { PackedType } from '../../../tensor/packed.ts';

/** Range of each dtype whose values travel in a wider type. */
const INT_RANGE = {
  int8: [-(2 ** 7), 2 ** 7 - 1],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint8: [0, 2 ** 8 - 1],
  uint16: [0, 2 ** 16 - 1],
  float16: [0, 2 ** 16 - 1],
  bfloat16: [0, 2 ** 16 - 1],
} as const;

/** Puts the value that comes next at an index. */
type Put = (index: number) => void;

/**
 * Fills `target` with the values of `dtype` that `field` of the message has; behind the last one it is repeated, without any
 * all are 0. Returns how many there were. Throws SKY_TENSOR_INVALID for more values than fit and for values that the dtype
 * cannot hold, SKY_REQUEST_INVALID for bytes that are no protobuf.
 * @param target at an aligned offset, any content
 */
export function fillNumbers(reader: ProtoReader, dtype: PackedType, field: number, target: Buffer): number {
  const { array, wire, put } = filler(reader, dtype, target);
  let count = 0;
  const putNext = (): void => {
    if (count === array.length)
      throw new SkyliftError('SKY_TENSOR_INVALID', `there are more values than the ${count} elements`);
    put(count++);
  };
  for (let found = reader.next(); found !== 0; found = reader.next())
    if (found === field) reader.elements(wire, putNext);
  if (count === 0) target.fill(0);
  else array.fill(array[count - 1] as never, count); // an element of the same array
  return count;
}

interface Filler {
  readonly array: InstanceType<(typeof ARRAY_OF_TYPE)[PackedType]>;
  readonly wire: ScalarWire;
  readonly put: Put;
}

function filler(reader: ProtoReader, dtype: PackedType, target: Buffer): Filler {
  const { buffer, byteOffset, byteLength } = target;
  const of = <T extends PackedType>(type: T): InstanceType<(typeof ARRAY_OF_TYPE)[T]> => {
    const Ctor = ARRAY_OF_TYPE[type];
    const length = byteLength / Ctor.BYTES_PER_ELEMENT;
    return new Ctor(buffer as ArrayBuffer, byteOffset, length) as InstanceType<(typeof ARRAY_OF_TYPE)[T]>; // of that very dtype
  };
  switch (dtype) {
    case 'float32': {
      const array = of(dtype);
      return { array, wire: SCALAR.fixed32, put: (index) => (array[index] = reader.rawFloat()) };
    }
    case 'float64': {
      const array = of(dtype);
      return { array, wire: SCALAR.fixed64, put: (index) => (array[index] = reader.rawDouble()) };
    }
    case 'bool': {
      const array = of(dtype);
      return { array, wire: SCALAR.varint, put: (index) => (array[index] = reader.rawBool() ? 1 : 0) };
    }
    case 'uint32': {
      const array = of(dtype);
      return { array, wire: SCALAR.varint, put: (index) => (array[index] = reader.rawUint32()) };
    }
    case 'int64':
    case 'uint64': {
      const words = new Uint32Array(buffer, byteOffset, byteLength / 4);
      return { array: of(dtype), wire: SCALAR.varint, put: (index) => reader.rawInt64Into(words, 2 * index) };
    }
    case 'int8':
    case 'int16':
    case 'int32':
    case 'uint8':
    case 'uint16':
    case 'float16':
    case 'bfloat16': {
      const array = of(dtype);
      const [least, most] = INT_RANGE[dtype];
      return {
        array,
        wire: SCALAR.varint,
        put(index) {
          const value = reader.rawInt32();
          if (value < least || value > most)
            throw new SkyliftError('SKY_TENSOR_INVALID', `value ${value} is beyond what ${dtype} holds`);
          array[index] = value;
        },
      };
    }
    default:
      return unreachable(dtype);
  }
}
