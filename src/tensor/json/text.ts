/**
 * JSON strings over bytes: finding the closing quote, checking, decoding. Long plain strings (base64) are found by
 * native search and decoded in one call.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import { BACKSLASH, QUOTE, jsonError } from './grammar.ts';

/** Strings up to this many bytes are searched byte by byte: cheaper than a native call. */
const SHORT_BYTES = 32;

/** Reads the strings of one document. */
export class StringScanner {
  readonly #bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Offset after the closing quote of the string that opens at `offset`. Throws SKY_JSON_MALFORMED. */
  skip(offset: number): number {
    const end = this.#shortEnd(offset + 1);
    if (end >= 0) return end + 1;
    const close = this.#closingQuote(offset + 1);
    this.#checkBytes(offset + 1, close);
    if (this.#hasEscape(offset + 1, close)) this.#unescape(offset + 1, close);
    return close + 1;
  }

  /** The string that opens at `offset`, decoded; `end` is the offset behind it. Throws SKY_JSON_MALFORMED. */
  read(offset: number): { text: string; end: number } {
    const start = offset + 1;
    const end = this.#shortEnd(start);
    if (end >= 0) return { text: this.#bytes.toString('latin1', start, end), end: end + 1 };
    const close = this.#closingQuote(start);
    this.#checkBytes(start, close);
    const text = this.#hasEscape(start, close) ? this.#unescape(start, close) : this.#decode(start, close);
    return { text, end: close + 1 };
  }

  /** Offset of the closing quote if the string is short, printable ASCII without escapes; otherwise -1. */
  #shortEnd(start: number): number {
    const bytes = this.#bytes;
    const last = Math.min(start + SHORT_BYTES, bytes.length);
    for (let at = start; at < last; at++) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) return at;
      if (byte < 0x20 || byte >= 0x80 || byte === BACKSLASH) return -1;
    }
    return -1;
  }

  #closingQuote(start: number): number {
    for (let from = start; ;) {
      const quote = this.#bytes.indexOf(QUOTE, from);
      if (quote < 0) throw jsonError('Missing a closing quotation mark in string.', start - 1);
      let escapes = quote;
      while (escapes > start && this.#bytes[escapes - 1] === BACKSLASH) escapes--;
      if ((quote - escapes) % 2 === 0) return quote;
      from = quote + 1;
    }
  }

  #hasEscape(start: number, close: number): boolean {
    return this.#bytes.subarray(start, close).includes(BACKSLASH);
  }

  /** Refuses raw control characters and bytes that are not UTF-8. */
  #checkBytes(start: number, close: number): void {
    const bytes = this.#bytes;
    for (let at = start; at < close; at++)
      if ((bytes[at] ?? 0) < 0x20) throw jsonError('Invalid encoding in string.', at);
    if (!isUtf8(bytes.subarray(start, close))) throw jsonError('Invalid encoding in string.', start);
  }

  #decode(start: number, end: number): string {
    const plain = this.#bytes.subarray(start, end);
    return plain.toString(isAscii(plain) ? 'latin1' : 'utf8');
  }

  /** Escapes are left to JSON.parse, which takes halves of surrogate pairs; those have no UTF-8 form. */
  #unescape(start: number, close: number): string {
    const text = parseString(this.#decode(start - 1, close + 1));
    if (text === undefined) throw jsonError('Invalid escape character in string.', start - 1);
    if (!text.isWellFormed()) throw jsonError('The surrogate pair in string is invalid.', start - 1);
    return text;
  }
}

function parseString(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string; // quoted: nothing else can come out
  } catch {
    return undefined;
  }
}
