/** `{"b64": "..."}`: a value, wherever a value can stand, and never an object of named inputs. */
import { SkyliftError } from '../../../core/errors.ts';
import { skipWhitespace } from '../../../tensor/json/grammar.ts';
import type { Allocate, Base64Object, JsonBody } from './json-body.ts';

const OPEN = 0x7b;
const CLOSE = 0x7d;
const COLON = 0x3a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const MINUS = 0x2d;
const UNDERSCORE = 0x5f;
const EQUALS = 0x3d;
const KEY = Buffer.from('"b64"');

/** Decoded at a time, a multiple of 4: strings of this size are cheap to make, of a megabyte they are not. */
const CHUNK_BYTES = 32 * 1024;

/** The base64 object that starts at `offset`: exactly one key `b64` with a string; undefined for any other value. */
export function base64At(body: JsonBody, offset: number): Base64Object | undefined {
  if (body.lastBase64?.at !== offset) body.lastBase64 = { at: offset, found: findBase64(body, offset) };
  return body.lastBase64.found;
}

function findBase64(body: JsonBody, offset: number): Base64Object | undefined {
  const { bytes } = body;
  if (bytes[offset] !== OPEN) return undefined;
  const keyAt = skipWhitespace(bytes, offset + 1);
  for (let i = 0; i < KEY.length; i++) if (bytes[keyAt + i] !== KEY[i]) return undefined;
  const colonAt = skipWhitespace(bytes, keyAt + KEY.length);
  if (bytes[colonAt] !== COLON) return undefined;
  const quoteAt = skipWhitespace(bytes, colonAt + 1);
  if (bytes[quoteAt] !== QUOTE) return undefined;
  const textEnd = stringEnd(body, quoteAt);
  const closeAt = skipWhitespace(bytes, textEnd);
  return bytes[closeAt] === CLOSE ? { quoteAt, textEnd, end: closeAt + 1 } : undefined;
}

/** The decoded bytes of a base64 object; the cursor stands behind it. Throws SKY_TENSOR_INVALID, SKY_JSON_MALFORMED. */
export function readBase64(body: JsonBody, { quoteAt, textEnd, end }: Base64Object): Buffer {
  const { bytes, reader, allocate } = body;
  // Text that decodes strictly holds no character that JSON would read differently.
  let decoded = decodeStrict(bytes.subarray(quoteAt + 1, textEnd - 1), allocate);
  if (decoded === undefined) {
    reader.offset = quoteAt;
    const text = Buffer.from(reader.readString().replaceAll(/\s/g, ''));
    decoded = decodeStrict(text, allocate);
  }
  if (decoded === undefined) throw new SkyliftError('SKY_TENSOR_INVALID', 'Unable to base64 decode');
  reader.offset = end;
  return decoded;
}

/** Offset behind the string that opens at `quoteAt`; searched natively unless it ends with an escape. */
function stringEnd({ bytes, reader }: JsonBody, quoteAt: number): number {
  const closeAt = bytes.indexOf(QUOTE, quoteAt + 1);
  if (closeAt > 0 && bytes[closeAt - 1] !== BACKSLASH) return closeAt + 1;
  const before = reader.offset;
  reader.offset = quoteAt;
  reader.skipValue();
  const end = reader.offset;
  reader.offset = before;
  return end;
}

/**
 * Standard alphabet, padding whole or absent. Node skips what is no base64 character, so that the length tells; it
 * also takes the URL alphabet, which TensorFlow Serving (absl::Base64Unescape) refuses.
 */
function decodeStrict(text: Buffer, allocate: Allocate): Buffer | undefined {
  const padding = paddingLength(text);
  const characters = text.length - padding;
  if (padding > 0 && text.length % 4 !== 0) return undefined;
  if (characters % 4 === 1 || text.includes(MINUS) || text.includes(UNDERSCORE)) return undefined;
  const decoded = allocate(bytesOf(characters));
  let at = 0;
  for (let from = 0; from < characters; from += CHUNK_BYTES) {
    const to = Math.min(from + CHUNK_BYTES, characters);
    const written = decoded.write(text.toString('latin1', from, to), at, 'base64');
    if (written !== bytesOf(to - from)) return undefined;
    at += written;
  }
  return decoded;
}

function paddingLength(text: Buffer): number {
  if (text.at(-1) !== EQUALS) return 0;
  return text.at(-2) === EQUALS ? 2 : 1;
}

function bytesOf(characters: number): number {
  return Math.floor((characters * 3) / 4);
}
