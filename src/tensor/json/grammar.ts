/**
 * The lexical grammar of JSON (RFC 8259) over bytes: whitespace, numbers, literals, and the one form of its errors.
 * As RapidJSON with kParseNanAndInfFlag it also knows NaN, Inf and Infinity; the texts of errors are RapidJSON's.
 */
import { SkyliftError } from '../../core/errors.ts';

export const SPACE = 0x20;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const MINUS = 0x2d;
export const DOT = 0x2e;
export const ZERO = 0x30;
const NINE = 0x39;
export const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

/** What stands at an offset; `number` includes the tokens NaN, Inf and Infinity with an optional minus. */
export type JsonKind = 'object' | 'array' | 'string' | 'number' | 'true' | 'false' | 'null' | 'end';

/** SKY_JSON_MALFORMED in TensorFlow Serving's words; `offset` counts bytes from the start of the document. */
export function jsonError(what: string, offset: number): SkyliftError {
  return new SkyliftError('SKY_JSON_MALFORMED', `JSON Parse error: ${what} at offset: ${offset}`, {
    details: { offset },
  });
}

/** The error of an offset at which a value is due and none can start. */
export function noValueError(bytes: Uint8Array, offset: number): SkyliftError {
  if (skipWhitespace(bytes, documentStart(bytes)) < bytes.length) return jsonError('Invalid value.', offset);
  return new SkyliftError('SKY_JSON_MALFORMED', 'JSON Parse error: The document is empty', {
    details: { offset },
  });
}

/** Offset of the first byte of a document: behind the byte order mark if there is one. */
export function documentStart(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** Offset of the first byte from `offset` on that is no JSON whitespace. */
export function skipWhitespace(bytes: Uint8Array, offset: number): number {
  for (;;) {
    const byte = bytes[offset];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return offset;
    offset++;
  }
}

/** Longer words first: Infinity starts with Inf. */
const NOT_FINITE = ['NaN', 'Infinity', 'Inf'] as const;

const KINDS: Readonly<Record<number, JsonKind>> = {
  [OPEN_OBJECT]: 'object',
  [OPEN_ARRAY]: 'array',
  [QUOTE]: 'string',
  [MINUS]: 'number',
  0x49: 'number', // Inf, Infinity
  0x4e: 'number', // NaN
  0x66: 'false',
  0x6e: 'null',
  0x74: 'true',
};

/** Kind of the value that starts at `offset` (no whitespace before it), undefined if none can start there. */
export function kindAt(bytes: Uint8Array, offset: number): JsonKind | undefined {
  const byte = bytes[offset];
  if (byte === undefined) return 'end';
  return isDigit(byte) ? 'number' : KINDS[byte];
}

/** True for the bytes 0 to 9. */
export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}

/** Offset after the literal `word` that must stand at `offset`. Throws SKY_JSON_MALFORMED. */
export function skipLiteral(bytes: Uint8Array, offset: number, word: string): number {
  if (!isWordAt(bytes, offset, word)) throw jsonError('Invalid value.', offset);
  return offset + word.length;
}

/** A token that was looked at: its end, or the offset of its fault and what is wrong there in RapidJSON's words. */
export interface NumberToken {
  readonly end: number;
  readonly fault: string | undefined;
}

/** The number token that starts at `offset`: JSON's grammar, or NaN, Inf, Infinity with an optional minus. */
export function numberToken(bytes: Uint8Array, offset: number): NumberToken {
  let at = bytes[offset] === MINUS ? offset + 1 : offset;
  if (bytes[at] === ZERO) at++;
  else if (isDigit(bytes[at])) at = skipDigits(bytes, at);
  else return notFiniteToken(bytes, at);
  if (bytes[at] === DOT) {
    const fraction = skipDigits(bytes, at + 1);
    if (fraction === at + 1) return { end: fraction, fault: 'Miss fraction part in number.' };
    at = fraction;
  }
  if (bytes[at] !== 0x65 && bytes[at] !== 0x45)
    return at - offset > LONG_TOKEN_BYTES ? doubleToken(bytes, offset, at) : { end: at, fault: undefined };
  const sign = bytes[at + 1];
  const digits = sign === 0x2b || sign === MINUS ? at + 2 : at + 1;
  const end = skipDigits(bytes, digits);
  if (end === digits) return { end, fault: 'Miss exponent in number.' };
  const mayBeTooBig = (end - digits > 2 && sign !== MINUS) || end - offset > LONG_TOKEN_BYTES;
  return mayBeTooBig ? doubleToken(bytes, offset, end) : { end, fault: undefined };
}

/** Number tokens up to this length, with an exponent of two digits or none, are no greater than a double can be. */
export const LONG_TOKEN_BYTES = 200;

/** A number token of good form, whose value may be greater than a double can be. */
function doubleToken(bytes: Uint8Array, offset: number, end: number): NumberToken {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + offset, end - offset).toString('latin1');
  return Number.isFinite(Number(text))
    ? { end, fault: undefined }
    : { end: offset, fault: 'Number too big to be stored in double.' };
}

/** Offset after the number token that starts at `offset`. Throws SKY_JSON_MALFORMED for any other spelling. */
export function skipNumber(bytes: Uint8Array, offset: number): number {
  const { end, fault } = numberToken(bytes, offset);
  if (fault !== undefined) throw jsonError(fault, end);
  return end;
}

/** The value of a number token as JavaScript reads it; too small for a double gives 0. */
export function numberOfText(text: string): number {
  const magnitude = text.startsWith('-') ? text.slice(1) : text;
  if (!magnitude.startsWith('I')) return Number(text); // NaN reads as NaN
  return magnitude === text ? Infinity : -Infinity;
}

/** Offset of the first byte from `offset` on that is no digit. */
export function skipDigits(bytes: Uint8Array, offset: number): number {
  for (;;) {
    const byte = bytes[offset];
    if (byte === undefined || byte < ZERO || byte > NINE) return offset;
    offset++;
  }
}

function notFiniteToken(bytes: Uint8Array, offset: number): NumberToken {
  const word = NOT_FINITE.find((candidate) => isWordAt(bytes, offset, candidate));
  return word === undefined
    ? { end: offset, fault: 'Invalid value.' }
    : { end: offset + word.length, fault: undefined };
}

function isWordAt(bytes: Uint8Array, offset: number, word: string): boolean {
  for (let i = 0; i < word.length; i++) if (bytes[offset + i] !== word.charCodeAt(i)) return false;
  return true;
}
