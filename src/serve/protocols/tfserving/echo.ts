/**
 * The offending value in an error text, as TensorFlow Serving prints it: RapidJSON's PrettyWriter with arrays on one
 * line, cut at 256 bytes. Of lists and objects only as much is read as is shown.
 */
import type { Limits } from '../../../core/limits.ts';
import { numberOfText } from '../../../tensor/json/grammar.ts';
import { JsonReader } from '../../../tensor/json/reader.ts';

const MAX_ECHO_BYTES = 256;
const INDENT = '    ';

/** Text of the value at `offset` of a document whose syntax was checked up to the end of that value. */
export function echo(bytes: Uint8Array, offset: number, limits: Limits): string {
  const reader = new JsonReader(bytes, { maxDepth: limits.max_json_depth });
  reader.offset = offset;
  return new EchoWriter(reader).write();
}

class EchoWriter {
  readonly #reader: JsonReader;
  #text = '';

  constructor(reader: JsonReader) {
    this.#reader = reader;
  }

  write(): string {
    this.#value(0);
    return cutBytes(this.#text, MAX_ECHO_BYTES);
  }

  get #isFull(): boolean {
    return this.#text.length >= MAX_ECHO_BYTES;
  }

  /** Recursion is bounded by the reader's depth limit. */
  #value(depth: number): void {
    const kind = this.#reader.kind();
    if (kind === 'object') this.#object(depth);
    else if (kind === 'array') this.#array(depth);
    else if (kind === 'string') this.#text += JSON.stringify(this.#reader.readString());
    else if (kind === 'number') this.#text += numberText(this.#reader.readNumber());
    else this.#text += String(this.#reader.readLiteral());
  }

  #object(depth: number): void {
    this.#reader.enterObject();
    this.#text += '{';
    let separator = '';
    for (let key = this.#reader.nextKey(); key !== undefined; key = this.#reader.nextKey()) {
      this.#text += `${separator}\n${INDENT.repeat(depth + 1)}${JSON.stringify(key)}: `;
      this.#value(depth + 1);
      if (this.#isFull) return;
      separator = ',';
    }
    this.#text += separator === '' ? '}' : `\n${INDENT.repeat(depth)}}`;
  }

  #array(depth: number): void {
    this.#reader.enterArray();
    this.#text += '[';
    let separator = '';
    while (this.#reader.nextElement()) {
      this.#text += separator;
      this.#value(depth + 1);
      if (this.#isFull) return;
      separator = ', ';
    }
    this.#text += ']';
  }
}

/** Integers as written; others as RapidJSON's dtoa spells them: `1.0`, `1e30`, `NaN`. */
function numberText({ text, isInteger }: { text: string; isInteger: boolean }): string {
  if (isInteger) return text;
  const shortest = String(numberOfText(text)).replace('e+', 'e');
  return /^-?\d+$/.test(shortest) ? `${shortest}.0` : shortest;
}

/** At most `maxBytes` of UTF-8, ending between characters. */
function cutBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text.slice(0, maxBytes));
  let end = Math.min(bytes.length, maxBytes);
  while (end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
