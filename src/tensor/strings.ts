/** Elements of string tensors: each is a u32 LE length and that many bytes, one after the other. */
import { SkyliftError } from '../core/errors.ts';

const PREFIX_BYTES = 4;

/** Bytes of a string tensor that holds `elements`; texts become UTF-8. */
export function encodeStrings(elements: readonly (string | Uint8Array)[]): Uint8Array {
  let sizeBytes = 0;
  for (const element of elements) sizeBytes += PREFIX_BYTES + lengthOf(element);
  const bytes = Buffer.allocUnsafeSlow(sizeBytes);
  let at = 0;
  for (const element of elements) {
    const length = lengthOf(element);
    at = bytes.writeUInt32LE(length, at);
    if (typeof element === 'string') bytes.write(element, at, length, 'utf8');
    else bytes.set(element, at);
    at += length;
  }
  return bytes;
}

/** The elements of a string tensor, as views. Throws SKY_TENSOR_INVALID if the lengths do not fit the bytes. */
export function decodeStrings(bytes: Uint8Array, count: number): Uint8Array[] {
  const elements: Uint8Array[] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    const end = stringEnd(bytes, at, index);
    elements.push(bytes.subarray(at + PREFIX_BYTES, end));
    at = end;
  }
  checkEnd(bytes, at, count);
  return elements;
}

/** Throws SKY_TENSOR_INVALID unless `bytes` are exactly `count` string elements. */
export function checkStrings(bytes: Uint8Array, count: number): void {
  checkEnd(bytes, skipStrings(bytes, 0, count), count);
}

/** Offset behind the `count` elements that start at `offset`. Throws SKY_TENSOR_INVALID. */
export function skipStrings(bytes: Uint8Array, offset: number, count: number): number {
  let at = offset;
  for (let index = 0; index < count; index++) at = stringEnd(bytes, at, index);
  return at;
}

function lengthOf(element: string | Uint8Array): number {
  return typeof element === 'string' ? Buffer.byteLength(element) : element.byteLength;
}

function stringEnd(bytes: Uint8Array, at: number, index: number): number {
  const start = at + PREFIX_BYTES;
  if (start > bytes.length)
    throw new SkyliftError('SKY_TENSOR_INVALID', `string tensor ends before its element ${index}`);
  const length =
    ((bytes[at] ?? 0) |
      ((bytes[at + 1] ?? 0) << 8) |
      ((bytes[at + 2] ?? 0) << 16) |
      ((bytes[at + 3] ?? 0) << 24)) >>>
    0;
  if (length > bytes.length - start)
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `element ${index} of a string tensor claims ${length} bytes, ${bytes.length - start} are left`,
    );
  return start + length;
}

function checkEnd(bytes: Uint8Array, end: number, count: number): void {
  if (end !== bytes.length)
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `${bytes.length - end} bytes follow the ${count} elements of a string tensor`,
    );
}
