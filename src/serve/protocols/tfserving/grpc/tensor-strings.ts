/** The two forms that strings have in a TensorProto, as the bytes of a string tensor. */
import { SkyliftError } from '../../../../core/errors.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import { VALUE_FIELDS } from './value-fields.ts';

/** Of each element of a string tensor. */
const LENGTH_BYTES = 4;

type Take = (sizeBytes: number) => Buffer;

/** `string_val`: the last one is repeated. Throws SKY_TENSOR_INVALID for more values than elements, and what `take` throws. */
export function listedStrings(proto: Uint8Array, count: number, take: Take): Uint8Array {
  let sizeBytes = 0;
  let given = 0;
  let lastBytes = 0;
  eachString(proto, (element) => {
    if (given++ === count)
      throw new SkyliftError('SKY_TENSOR_INVALID', `there are more values than the ${count} elements`);
    lastBytes = element.length;
    sizeBytes += LENGTH_BYTES + lastBytes;
  });
  sizeBytes += (count - given) * (LENGTH_BYTES + lastBytes);
  const bytes = take(sizeBytes);
  let at = 0;
  let last: Uint8Array = new Uint8Array(0);
  eachString(proto, (element) => {
    last = element;
    at = put(bytes, at, element);
  });
  for (let index = given; index < count; index++) at = put(bytes, at, last);
  return bytes;
}

/** `tensor_content`: all lengths as varints, then all bytes. Throws SKY_TENSOR_INVALID, SKY_REQUEST_INVALID, and what `take` throws. */
export function contentStrings(content: Buffer, count: number, take: Take): Uint8Array {
  const lengths = new ContentLengths(content);
  let sizeBytes = 0;
  for (let index = 0; index < count; index++) sizeBytes += lengths.next();
  const start = lengths.at;
  if (start + sizeBytes !== content.length)
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `tensor_content has ${content.length - start} bytes for strings of ${sizeBytes} bytes`,
    );
  const bytes = take(sizeBytes + count * LENGTH_BYTES);
  lengths.at = 0;
  let from = start;
  let at = 0;
  for (let index = 0; index < count; index++) {
    const end = from + lengths.next();
    at = put(bytes, at, content.subarray(from, end));
    from = end;
  }
  return bytes;
}

function eachString(proto: Uint8Array, onString: (element: Uint8Array) => void): void {
  const reader = new ProtoReader(proto);
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === VALUE_FIELDS.string) onString(reader.bytes());
}

function put(bytes: Buffer, at: number, element: Uint8Array): number {
  bytes.writeUInt32LE(element.length, at);
  bytes.set(element, at + LENGTH_BYTES);
  return at + LENGTH_BYTES + element.length;
}

/** Varints of at most 32 bits in a row. */
class ContentLengths {
  at = 0;
  readonly #content: Buffer;

  constructor(content: Buffer) {
    this.#content = content;
  }

  next(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#content[this.at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new SkyliftError('SKY_TENSOR_INVALID', 'tensor_content does not begin with the lengths of strings');
  }
}
