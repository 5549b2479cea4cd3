/**
 * Leaves out one JSON value of any size with its syntax checked, without recursion. Lists of numbers in the plain
 * form that every client writes take a loop of their own: they are nearly all bytes of a large request.
 */
import type { SkyliftError } from '../../core/errors.ts';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  DOT,
  LONG_TOKEN_BYTES,
  MINUS,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  SPACE,
  ZERO,
  isDigit,
  jsonError,
  kindAt,
  noValueError,
  skipDigits,
  skipLiteral,
  skipNumber,
  skipWhitespace,
} from './grammar.ts';
import type { StringScanner } from './text.ts';

/** What a walk over a document needs: the bytes, their strings, and a check of a new depth that may throw. */
export interface Document {
  readonly bytes: Uint8Array;
  readonly strings: StringScanner;
  /** Throws when this many containers inside each other are too many. */
  checkDepth(depth: number, offset: number): void;
}

/** Offset after the value that starts at or after `offset`, `depth` containers deep. Throws SKY_JSON_MALFORMED. */
export function skipValue(document: Document, offset: number, depth: number): number {
  const { bytes } = document;
  const closers: number[] = []; // of the open containers
  let at = skipWhitespace(bytes, offset);
  for (;;) {
    const opening = bytes[at];
    if (opening === OPEN_ARRAY || opening === OPEN_OBJECT) {
      document.checkDepth(depth + closers.length + 1, at);
      const closer = opening === OPEN_ARRAY ? CLOSE_ARRAY : CLOSE_OBJECT;
      const first = skipWhitespace(bytes, at + 1);
      if (bytes[first] !== closer) {
        closers.push(closer);
        at = closer === CLOSE_OBJECT ? skipKey(document, first) : skipPlainNumbers(bytes, first);
        continue;
      }
      at = first + 1;
    } else at = skipScalar(document, at);
    const next = skipToNext(document, at, closers);
    if (closers.length === 0) return next;
    at = next;
  }
}

/** Offset of the value of the member whose key starts at `offset`. Throws SKY_JSON_MALFORMED. */
function skipKey(document: Document, offset: number): number {
  if (document.bytes[offset] !== QUOTE) throw jsonError('Missing a name for object member.', offset);
  return skipColon(document.bytes, document.strings.skip(offset));
}

/** Offset of the value behind the colon that must come next. Throws SKY_JSON_MALFORMED. */
export function skipColon(bytes: Uint8Array, offset: number): number {
  const colon = skipWhitespace(bytes, offset);
  if (bytes[colon] !== COLON) throw jsonError('Missing a colon after a name of object member.', colon);
  return skipWhitespace(bytes, colon + 1);
}

/** The error of a container in which neither a comma nor the closing bracket follows a member. */
export function missingComma(closer: number, offset: number): SkyliftError {
  return closer === CLOSE_ARRAY
    ? jsonError('Missing a comma or ] after an array element.', offset)
    : jsonError('Missing a comma or } after an object member.', offset);
}

/** From the end of a value: closes containers until another value is due (its offset) or none is open. */
function skipToNext(document: Document, offset: number, closers: number[]): number {
  const { bytes } = document;
  let at = offset;
  for (let closer = closers.at(-1); closer !== undefined; closer = closers.at(-1)) {
    at = skipWhitespace(bytes, at);
    if (bytes[at] === COMMA) {
      const next = skipWhitespace(bytes, at + 1);
      return closer === CLOSE_OBJECT ? skipKey(document, next) : skipPlainNumbers(bytes, next);
    }
    if (bytes[at] !== closer) throw missingComma(closer, at);
    closers.pop();
    at++;
  }
  return at;
}

function skipScalar(document: Document, offset: number): number {
  const { bytes, strings } = document;
  const kind = kindAt(bytes, offset);
  if (kind === 'number') return skipNumber(bytes, offset);
  if (kind === 'string') return strings.skip(offset);
  if (kind === 'true' || kind === 'false' || kind === 'null') return skipLiteral(bytes, offset, kind);
  throw noValueError(bytes, offset);
}

/** Leaves out `12,-3.5, 4,` and the like; stops at the first element that is not so plain, or the last one. */
function skipPlainNumbers(bytes: Uint8Array, offset: number): number {
  for (let start = offset; ;) {
    let at = bytes[start] === MINUS ? start + 1 : start;
    const integer = at;
    at = skipDigits(bytes, at);
    if (at === integer || (bytes[integer] === ZERO && at > integer + 1)) return start;
    if (at - integer > LONG_TOKEN_BYTES) return start;
    if (bytes[at] === DOT) {
      at = skipDigits(bytes, at + 1);
      if (!isDigit(bytes[at - 1])) return start;
    }
    if (bytes[at] !== COMMA) return start;
    start = bytes[at + 1] === SPACE ? at + 2 : at + 1;
  }
}
