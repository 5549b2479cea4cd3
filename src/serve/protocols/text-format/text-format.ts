/**
 * Protocol Buffers text format as a tree of fields with their places. Knows no schema; strict about everything else.
 * Source: protobuf.dev/reference/protobuf/textformat-spec.
 */
import { SkyliftError } from '../../../core/errors.ts';

export interface TextPlace {
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

export type TextValue =
  | { readonly kind: 'message'; readonly place: TextPlace; readonly fields: readonly TextField[] }
  /** `"a" 'b'`, joined and unescaped. */
  | { readonly kind: 'string'; readonly place: TextPlace; readonly text: string }
  /** A number, a boolean or the name of an enum value, as it stands there. */
  | { readonly kind: 'word'; readonly place: TextPlace; readonly text: string };

export interface TextField {
  readonly name: string;
  readonly place: TextPlace;
  readonly value: TextValue;
}

type Token =
  | { readonly kind: 'name' | 'number' | 'string'; readonly text: string; readonly place: TextPlace }
  | { readonly kind: 'sign'; readonly text: string; readonly place: TextPlace }
  | { readonly kind: 'end'; readonly text: ''; readonly place: TextPlace };

/** Nesting of messages; the files of TensorFlow Serving have five levels. */
const MAX_DEPTH = 32;
const TOKEN =
  /(?<space>[ \t\r\n\f\v]+|#[^\n]*)|(?<name>[A-Za-z_]\w*)|(?<number>-?(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[fF]?|inf(?:inity)?|nan)\b)|(?<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')|(?<sign>[{}<>[\]:,;-])/y;

/** Behind the opening bracket. */
const TYPE_NAME = /[ \t\r\n]*([A-Za-z_][\w.-]*(?:\/[\w.-]+)*)[ \t\r\n]*\]/y;

export interface TextFormatOptions {
  /** Errors tell the place only, nothing of the text. @default false */
  readonly isSecret?: boolean;
}

/** The fields of the outermost message. Throws SKY_CONFIG_INVALID with `file:line:column`. */
export function parseTextFormat(
  text: string,
  file: string,
  { isSecret = false }: TextFormatOptions = {},
): readonly TextField[] {
  return new TextParser(text, file, isSecret).document();
}

/** SKY_CONFIG_INVALID at a place of a file. */
export function invalidAt(file: string, { line, column }: TextPlace, problem: string): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', `${file}:${line}:${column}: ${problem}`, {
    hint: 'Correct the file at this place.',
  });
}

class TextParser {
  readonly #text: string;
  readonly #file: string;
  readonly #isSecret: boolean;
  #at = 0;
  #line = 1;
  #lineStart = 0;
  #token: Token;

  constructor(text: string, file: string, isSecret: boolean) {
    this.#text = text.startsWith('\uFEFF') ? text.slice(1) : text;
    this.#file = file;
    this.#isSecret = isSecret;
    this.#token = this.#next();
  }

  document(): readonly TextField[] {
    const fields = this.#fields(0);
    if (this.#token.kind !== 'end') throw this.#unexpected('a field');
    return fields;
  }

  #fields(depth: number): TextField[] {
    const fields: TextField[] = [];
    while (this.#token.kind === 'name' || this.#isSign('[')) {
      const { place } = this.#token;
      const name = this.#fieldName();
      for (const value of this.#values(depth)) fields.push({ name, place, value });
      if (this.#isSign(',') || this.#isSign(';')) this.#advance();
    }
    return fields;
  }

  /** `name`, or `[type.googleapis.com/package.Message]`, which says what an Any holds. */
  #fieldName(): string {
    const { text, kind } = this.#token;
    if (kind === 'sign') {
      TYPE_NAME.lastIndex = this.#at;
      const [found, type] = TYPE_NAME.exec(this.#text) ?? [];
      this.#pass(found ?? '');
      this.#advance();
      if (type === undefined) throw this.#unexpected('the name of a message');
      return `[${type}]`;
    }
    this.#advance();
    return text;
  }

  #values(depth: number): TextValue[] {
    const hasColon = this.#isSign(':');
    if (hasColon) this.#advance();
    if (this.#isSign('[')) return this.#list(depth);
    if (!hasColon && !this.#isSign('{') && !this.#isSign('<')) throw this.#unexpected('":" or "{"');
    return [this.#value(depth)];
  }

  #list(depth: number): TextValue[] {
    this.#advance();
    const values: TextValue[] = [];
    while (!this.#isSign(']')) {
      values.push(this.#value(depth));
      if (this.#isSign(']')) break;
      this.#expect(',');
      if (this.#isSign(']')) throw this.#unexpected('a value');
    }
    this.#advance();
    return values;
  }

  #value(depth: number): TextValue {
    const { kind, text, place } = this.#token;
    if (text === '{' || text === '<') return this.#message(depth, place, text === '{' ? '}' : '>');
    if (kind === 'string') return { kind, place, text: this.#strings() };
    if (text === '-') return this.#negative(place);
    if (kind !== 'name' && kind !== 'number') throw this.#unexpected('a value');
    this.#advance();
    return { kind: 'word', place, text };
  }

  #message(depth: number, place: TextPlace, end: string): TextValue {
    if (depth >= MAX_DEPTH) throw invalidAt(this.#file, place, `more than ${MAX_DEPTH} nested messages`);
    this.#advance();
    const fields = this.#fields(depth + 1);
    this.#expect(end);
    return { kind: 'message', place, fields };
  }

  #strings(): string {
    let joined = '';
    for (; this.#token.kind === 'string'; this.#advance())
      joined += unescaped(this.#token.text.slice(1, -1), (problem) =>
        invalidAt(this.#file, this.#token.place, problem),
      );
    return joined;
  }

  /** `- 5`, `- inf`: the sign may stand apart. */
  #negative(place: TextPlace): TextValue {
    this.#advance();
    const { kind, text } = this.#token;
    if (kind !== 'number' && kind !== 'name') throw this.#unexpected('a number');
    this.#advance();
    return { kind: 'word', place, text: `-${text}` };
  }

  #isSign(text: string): boolean {
    return this.#token.kind === 'sign' && this.#token.text === text;
  }

  #expect(sign: string): void {
    if (!this.#isSign(sign)) throw this.#unexpected(`"${sign}"`);
    this.#advance();
  }

  #unexpected(wanted: string): SkyliftError {
    const { kind, text, place } = this.#token;
    const shown = this.#isSecret ? 'something else' : JSON.stringify(text);
    const found = kind === 'end' ? 'the end of the file' : shown;
    return invalidAt(this.#file, place, `expected ${wanted}, found ${found}`);
  }

  #advance(): void {
    this.#token = this.#next();
  }

  #next(): Token {
    for (;;) {
      const place = { line: this.#line, column: this.#at - this.#lineStart + 1 };
      if (this.#at >= this.#text.length) return { kind: 'end', text: '', place };
      TOKEN.lastIndex = this.#at;
      const match = TOKEN.exec(this.#text);
      if (!match) throw invalidAt(this.#file, place, `unexpected ${JSON.stringify(this.#text[this.#at])}`);
      const [text] = match;
      this.#pass(text);
      const { name, number, string, sign } = match.groups ?? {};
      if (name !== undefined) return { kind: 'name', text, place };
      if (number !== undefined) return { kind: 'number', text, place };
      if (string !== undefined) return { kind: 'string', text, place };
      if (sign !== undefined) return { kind: 'sign', text, place };
    }
  }

  #pass(text: string): void {
    for (let i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) {
      this.#line++;
      this.#lineStart = this.#at + i + 1;
    }
    this.#at += text.length;
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '?': 63,
  '\\': 92,
  "'": 39,
  '"': 34,
};
const ESCAPE = /\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))|[^\\]+/gs;

/** Escapes stand for bytes, the string is UTF-8. */
function unescaped(raw: string, problemAt: (problem: string) => SkyliftError): string {
  if (!raw.includes('\\')) return raw;
  const parts: Buffer[] = [];
  for (const [text, octal, hex, short, long, simple] of raw.matchAll(ESCAPE)) {
    const code = octal === undefined ? hex && Number.parseInt(hex, 16) : Number.parseInt(octal, 8);
    const point = short ?? long;
    if (typeof code === 'number') parts.push(Buffer.from([code & 0xff]));
    else if (point !== undefined) parts.push(Buffer.from(codePoint(point, problemAt)));
    else if (simple === undefined) parts.push(Buffer.from(text));
    else if (SIMPLE_ESCAPES[simple] !== undefined) parts.push(Buffer.from([SIMPLE_ESCAPES[simple]]));
    else throw problemAt(`unknown escape \\${simple}`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts));
  } catch {
    throw problemAt('the string is not UTF-8');
  }
}

function codePoint(hex: string, problemAt: (problem: string) => SkyliftError): string {
  const point = Number.parseInt(hex, 16);
  if (point > 0x10_ff_ff || (point >= 0xd8_00 && point <= 0xdf_ff))
    throw problemAt(`\\u${hex} is no character`);
  return String.fromCodePoint(point);
}
