/**
 * Reads JSON from bytes, one step at a time, under the caller's control: protocols walk the small control part of a
 * request and leave long number lists to the number scanner. Nothing recurses; the depth is bounded.
 */
import { SkyliftError } from '../../core/errors.ts';
import {
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  QUOTE,
  documentStart,
  jsonError,
  kindAt,
  noValueError,
  numberOfText,
  skipLiteral,
  skipNumber,
  skipWhitespace,
} from './grammar.ts';
import type { JsonKind } from './grammar.ts';
import { missingComma, skipColon, skipValue } from './skip.ts';
import type { Document } from './skip.ts';
import { StringScanner } from './text.ts';

export interface JsonReaderOptions {
  /** Objects and arrays inside each other; deeper is SKY_REQUEST_TOO_LARGE (limit max_json_depth). */
  readonly maxDepth: number;
}

/** An object as `readValue` gives it: it has no prototype, so a key `__proto__` is a key like any other. */
export interface JsonObject {
  [key: string]: unknown;
}

/** A place in a document with the containers that are open there. */
export interface Mark {
  readonly offset: number;
  readonly depth: number;
  readonly isFirst: boolean;
}

/** A cursor over one JSON document. Every method throws SKY_JSON_MALFORMED with `details.offset` for bad syntax. */
export class JsonReader {
  /** Position in bytes. May be set to the start of a value (to read it again) or behind one (to leave it out). */
  offset: number;
  readonly #document: Document;
  #depth = 0;
  /** True from the opening of a container to its first member: no comma is due. */
  #isFirst = false;

  constructor(bytes: Uint8Array, options: JsonReaderOptions) {
    this.#document = {
      bytes,
      strings: new StringScanner(bytes),
      checkDepth: (depth, offset) => checkDepth(depth, options.maxDepth, offset),
    };
    this.offset = documentStart(bytes);
  }

  /** The whole document. */
  get bytes(): Uint8Array {
    return this.#document.bytes;
  }

  /** The present place, to come back to. */
  mark(): Mark {
    return { offset: this.offset, depth: this.#depth, isFirst: this.#isFirst };
  }

  /** Goes back to a place. */
  reset({ offset, depth, isFirst }: Mark): void {
    this.offset = offset;
    this.#depth = depth;
    this.#isFirst = isFirst;
  }

  /** Skips whitespace and says what comes next; throws where no value can start. */
  kind(): JsonKind {
    const kind = kindAt(this.#document.bytes, this.#skipWhitespace());
    if (kind === undefined) throw noValueError(this.#document.bytes, this.offset);
    return kind;
  }

  /** Steps into the object that comes next; its members follow by `nextKey`. */
  enterObject(): void {
    this.#enter('object');
  }

  /** Steps into the array that comes next; its elements follow by `nextElement`. */
  enterArray(): void {
    this.#enter('array');
  }

  /** Key of the next member, with its value next to be read; undefined when the object ends. */
  nextKey(): string | undefined {
    if (!this.#advance(CLOSE_OBJECT)) return undefined;
    const { bytes, strings } = this.#document;
    if (bytes[this.offset] !== QUOTE) throw jsonError('Missing a name for object member.', this.offset);
    const { text, end } = strings.read(this.offset);
    this.offset = skipColon(bytes, end);
    return text;
  }

  /** True when another element is next to be read, false when the array ends. */
  nextElement(): boolean {
    if (!this.#advance(CLOSE_ARRAY)) return false;
    const { bytes } = this.#document;
    if (this.offset === bytes.length) throw noValueError(bytes, this.offset);
    return true;
  }

  /** The string that comes next, decoded. */
  readString(): string {
    this.#expect('string');
    const { text, end } = this.#document.strings.read(this.offset);
    this.offset = end;
    return text;
  }

  /** The number that comes next, as written; `isInteger` means neither fraction nor exponent. */
  readNumber(): { text: string; isInteger: boolean } {
    this.#expect('number');
    const { bytes } = this.#document;
    const end = skipNumber(bytes, this.offset);
    const token = Buffer.from(bytes.buffer, bytes.byteOffset + this.offset, end - this.offset);
    const text = token.toString('latin1');
    this.offset = end;
    return { text, isInteger: /^-?\d+$/.test(text) };
  }

  /** The `true`, `false` or `null` that comes next. */
  readLiteral(): true | false | null {
    const kind = this.kind();
    if (kind !== 'true' && kind !== 'false' && kind !== 'null')
      throw noValueError(this.#document.bytes, this.offset);
    this.offset = skipLiteral(this.#document.bytes, this.offset, kind);
    return kind === 'null' ? null : kind === 'true';
  }

  /** Leaves the next value out, checking its syntax and depth. */
  skipValue(): void {
    this.offset = skipValue(this.#document, this.offset, this.#depth);
  }

  /** The next value whole, for small documents; of equal keys the last wins. Recursion is bounded by maxDepth. */
  readValue(): unknown {
    const kind = this.kind();
    if (kind === 'object') return this.#readObject();
    if (kind === 'array') return this.#readArray();
    if (kind === 'string') return this.readString();
    return kind === 'number' ? numberOfText(this.readNumber().text) : this.readLiteral();
  }

  #readObject(): JsonObject {
    const members = Object.create(null) as JsonObject;
    this.enterObject();
    for (let key = this.nextKey(); key !== undefined; key = this.nextKey()) members[key] = this.readValue();
    return members;
  }

  #readArray(): unknown[] {
    const elements: unknown[] = [];
    this.enterArray();
    while (this.nextElement()) elements.push(this.readValue());
    return elements;
  }

  #enter(kind: 'object' | 'array'): void {
    this.#expect(kind);
    this.#document.checkDepth(this.#depth + 1, this.offset);
    this.#depth++;
    this.offset++;
    this.#isFirst = true;
  }

  /** Steps to the next member of the innermost container (true) or out of the container (false). */
  #advance(closer: number): boolean {
    const { bytes } = this.#document;
    const next = bytes[this.#skipWhitespace()];
    const wasFirst = this.#isFirst;
    this.#isFirst = false;
    if (next === closer) {
      this.offset++;
      this.#depth--;
      return false;
    }
    if (!wasFirst) {
      if (next !== COMMA) throw missingComma(closer, this.offset);
      this.offset++;
      this.#skipWhitespace();
    }
    return true;
  }

  #skipWhitespace(): number {
    this.offset = skipWhitespace(this.#document.bytes, this.offset);
    return this.offset;
  }

  #expect(kind: JsonKind): void {
    if (this.kind() !== kind) throw noValueError(this.#document.bytes, this.offset);
  }
}

function checkDepth(depth: number, maxDepth: number, offset: number): void {
  if (depth <= maxDepth) return;
  throw new SkyliftError(
    'SKY_REQUEST_TOO_LARGE',
    `JSON nests deeper than max_json_depth (${maxDepth}) at offset ${offset}`,
    { details: { limit: 'max_json_depth', offset } },
  );
}
