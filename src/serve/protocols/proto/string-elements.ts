/** Strings of a protobuf message as the bytes of a string tensor. */
import { SkyliftError } from '../../../core/errors.ts';
import { ProtoReader } from '../../../core/proto-reader.ts';

/** Before each element of a string tensor. */
export const LENGTH_BYTES = 4;

export type TakeMemory = (sizeBytes: number) => Buffer;

/** Which strings of a message are the elements. */
export interface StringElements {
  readonly message: Uint8Array;
  readonly field: number;
  /** How many elements the tensor has; behind the last string it is repeated. */
  readonly count: number;
  /** There must be as many strings as elements. */
  readonly isExact: boolean;
}

/** Throws SKY_TENSOR_INVALID for a wrong number of strings, SKY_REQUEST_INVALID, and what `take` throws. */
export function listedStrings(
  { message, field, count, isExact }: StringElements,
  take: TakeMemory,
): Uint8Array {
  let sizeBytes = 0;
  let given = 0;
  let lastBytes = 0;
  eachString(message, field, (element) => {
    if (given++ === count)
      throw new SkyliftError('SKY_TENSOR_INVALID', `there are more values than the ${count} elements`);
    lastBytes = element.length;
    sizeBytes += LENGTH_BYTES + lastBytes;
  });
  if (isExact && given < count)
    throw new SkyliftError('SKY_TENSOR_INVALID', `there are ${given} values for ${count} elements`);
  sizeBytes += (count - given) * (LENGTH_BYTES + lastBytes);
  const bytes = take(sizeBytes);
  let at = 0;
  let last: Uint8Array = new Uint8Array(0);
  eachString(message, field, (element) => {
    last = element;
    at = putString(bytes, at, element);
  });
  if (given < count) bytes.fill(asElement(last), at);
  return bytes;
}

function asElement(text: Uint8Array): Buffer {
  const element = Buffer.alloc(LENGTH_BYTES + text.length);
  putString(element, 0, text);
  return element;
}

function eachString(message: Uint8Array, field: number, onString: (element: Uint8Array) => void): void {
  const reader = new ProtoReader(message);
  for (let found = reader.next(); found !== 0; found = reader.next())
    if (found === field) onString(reader.bytes());
}

/** Writes one element; returns where the next one stands. */
export function putString(bytes: Buffer, at: number, element: Uint8Array): number {
  bytes.writeUInt32LE(element.length, at);
  bytes.set(element, at + LENGTH_BYTES);
  return at + LENGTH_BYTES + element.length;
}
