/** Strings in the `tensor_content` of a TensorProto, as the bytes of a string tensor. */
import { SkyliftError } from '../../../../core/errors.ts';
import { LENGTH_BYTES, putString } from '../../proto/string-elements.ts';
import type { TakeMemory } from '../../proto/string-elements.ts';

/** `tensor_content`: all lengths as varints, then all bytes. Throws SKY_TENSOR_INVALID, SKY_REQUEST_INVALID, and what `take` throws. */
export function contentStrings(content: Buffer, count: number, take: TakeMemory): Uint8Array {
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
    at = putString(bytes, at, content.subarray(from, end));
    from = end;
  }
  return bytes;
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
