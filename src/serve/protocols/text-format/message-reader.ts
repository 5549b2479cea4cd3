/** Reads one message of a text-format tree by the names and types of its fields; what is left over is unknown. */
import type { SkyliftError } from '../../../core/errors.ts';
import { invalidAt } from './text-format.ts';
import type { TextField, TextPlace, TextValue } from './text-format.ts';

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const INTEGER = /^-?(?:0[xX][0-9a-fA-F]+|\d+)$/;

/** As text format spells them. */
const TRUE: ReadonlySet<string> = new Set(['true', 'True', 't', '1']);
const FALSE: ReadonlySet<string> = new Set(['false', 'False', 'f', '0']);

/** What a message is: where it stands and what is in it. */
export interface TextMessage {
  readonly file: string;
  readonly place: TextPlace;
  readonly fields: readonly TextField[];
}

export class MessageReader {
  readonly #message: TextMessage;
  readonly #left: Set<string>;

  constructor(message: TextMessage) {
    this.#message = message;
    this.#left = new Set(message.fields.map(({ name }) => name));
  }

  /** Empty when it is not there. */
  string(name: string): string {
    const value = this.#single(name);
    if (value === undefined) return '';
    if (value.kind !== 'string') throw this.#wrong(value.place, name, 'a string in quotes');
    return value.text;
  }

  /** An int64; undefined when it is not there. */
  integer(name: string): bigint | undefined {
    const value = this.#single(name);
    return value && this.#integerOf(name, value);
  }

  integers(name: string): bigint[] {
    return this.#take(name).map(({ value }) => this.#integerOf(name, value));
  }

  /** The name of an enum value, or its number as text; undefined when it is not there. */
  word(name: string): string | undefined {
    const value = this.#single(name);
    if (value && value.kind !== 'word') throw this.#wrong(value.place, name, 'the name of a value');
    return value?.text;
  }

  /** False when it is not there. */
  boolean(name: string): boolean {
    const value = this.#single(name);
    const text = value?.kind === 'word' ? value.text : '';
    if (value && !TRUE.has(text) && !FALSE.has(text)) throw this.#wrong(value.place, name, 'true or false');
    return TRUE.has(text);
  }

  /** Of an Int64Value and the like: `name { value: 5 }`; 0 for an empty one, undefined when it is not there. */
  wrappedInteger(name: string): bigint | undefined {
    return this.#wrapped(name, (reader) => reader.integer('value') ?? 0n);
  }

  wrappedBoolean(name: string): boolean | undefined {
    return this.#wrapped(name, (reader) => reader.boolean('value'));
  }

  wrappedString(name: string): string | undefined {
    return this.#wrapped(name, (reader) => reader.string('value'));
  }

  message(name: string): TextMessage | undefined {
    const value = this.#single(name);
    return value && this.#messageOf(name, value);
  }

  messages(name: string): TextMessage[] {
    return this.#take(name).map(({ value }) => this.#messageOf(name, value));
  }

  /** A field that is known and has no effect here. @returns whether it is there */
  ignore(name: string): boolean {
    return this.#take(name).length > 0;
  }

  /** Throws SKY_CONFIG_INVALID for a field that nobody asked for. */
  end(): void {
    const unknown = this.#message.fields.find(({ name }) => this.#left.has(name));
    if (unknown) throw this.problem(`unknown field "${unknown.name}"`, unknown.place);
  }

  problem(text: string, place: TextPlace = this.#message.place): SkyliftError {
    return invalidAt(this.#message.file, place, text);
  }

  #wrapped<T>(name: string, read: (reader: MessageReader) => T): T | undefined {
    const message = this.message(name);
    if (!message) return undefined;
    const reader = new MessageReader(message);
    const value = read(reader);
    reader.end();
    return value;
  }

  #take(name: string): TextField[] {
    this.#left.delete(name);
    return this.#message.fields.filter((field) => field.name === name);
  }

  #single(name: string): TextValue | undefined {
    const [first, second] = this.#take(name);
    if (second) throw this.problem(`"${name}" stands there twice`, second.place);
    return first?.value;
  }

  #integerOf(name: string, { kind, place, ...value }: TextValue): bigint {
    const text = 'text' in value ? value.text : '';
    if (kind !== 'word' || !INTEGER.test(text)) throw this.#wrong(place, name, 'an integer');
    const magnitude = text.replace('-', '');
    const isOctal = /^0[0-7]+$/.test(magnitude);
    const number =
      BigInt(isOctal ? `0o${magnitude.slice(1)}` : magnitude) * (text.startsWith('-') ? -1n : 1n);
    if (number < MIN_INT64 || number > MAX_INT64) throw this.#wrong(place, name, 'a 64-bit integer');
    return number;
  }

  #messageOf(name: string, value: TextValue): TextMessage {
    if (value.kind !== 'message') throw this.#wrong(value.place, name, 'a message in braces');
    return { file: this.#message.file, place: value.place, fields: value.fields };
  }

  #wrong(place: TextPlace, name: string, wanted: string): SkyliftError {
    return this.problem(`"${name}" must be ${wanted}`, place);
  }
}
