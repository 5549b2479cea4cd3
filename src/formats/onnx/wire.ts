/**
 * Bounds-checked reader of the protobuf wire format over random-access bytes. It walks a file of any size through one
 * small window: large payloads become ranges, unknown fields are skipped, nothing is allocated from a declared length.
 * Source: protobuf.dev/programming-guides/encoding. Stricter than protobuf where readers differ: a known field with
 * another wire type, a group, an int out of range or a repeated singular message is an error, never a guess.
 */
import { isSkyliftError, SkyliftError } from '../../core/errors.ts';
import type { ByteFile, ByteRange } from '../byte-file.ts';

const WINDOW_BYTES = 64 * 1024;
const MAX_VARINT_BYTES = 10;
/** Names and keys; longer ones are no names. */
const MAX_STRING_BYTES = 64 * 1024;
const MAX_TAG = 2 ** 32 - 1;

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
const WIRE_NAMES = ['varint', 'fixed64', 'bytes', 'group', 'group end', 'fixed32'];

export interface WireLimits {
  /** Nesting of messages. */
  readonly maxDepth: number;
  /** Bytes of strings and entries that the caller may keep; see `charge`. */
  readonly maxKeptBytes: number;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * One pass over one message tree. Values are read inside the callback of `fields` for the field it was called with; a
 * field whose value is not read is skipped. Throws SKY_ONNX_MALFORMED with the byte offset, SKY_ONNX_LIMIT.
 */
export class WireReader {
  readonly #file: ByteFile;
  readonly #limits: WireLimits;
  readonly #window: Uint8Array;
  #windowStart = 0;
  #windowEnd = 0;
  #position = 0;
  #end: number;
  #depth = 0;
  #keptBytes = 0;
  #field = 0;
  #wireType = VARINT;
  #isPending = false;

  constructor(file: ByteFile, limits: WireLimits) {
    this.#file = file;
    this.#limits = limits;
    this.#window = new Uint8Array(Math.min(WINDOW_BYTES, file.sizeBytes));
    this.#end = file.sizeBytes;
  }

  /** Calls `onField` with the number of each field of the current message. */
  fields(onField: (field: number) => void): void {
    while (this.#position < this.#end) {
      this.#readTag();
      onField(this.#field);
      if (this.#isPending) this.#skip();
    }
  }

  /** Reads the current field as a message: `onField` is called with each of its fields. */
  message(onField: (field: number) => void): void {
    const { offset, length } = this.range();
    if (++this.#depth > this.#limits.maxDepth)
      throw new SkyliftError(
        'SKY_ONNX_LIMIT',
        `messages are nested deeper than max_protobuf_depth = ${this.#limits.maxDepth} at byte ${offset}`,
      );
    const outerEnd = this.#end;
    const resumeAt = this.#position;
    this.#position = offset;
    this.#end = offset + length;
    this.fields(onField);
    this.#position = resumeAt;
    this.#end = outerEnd;
    this.#depth--;
  }

  /** A singular message must come once: protobuf would merge repetitions, and readers differ in how. */
  once<T>(previous: T | undefined, read: () => T): T {
    if (previous !== undefined) this.#fail(`field ${this.#field} is given more than once`);
    return read();
  }

  /** The current field's bytes as a range of the file, without reading them. */
  range(): ByteRange {
    this.#take(LENGTH_DELIMITED);
    const length = this.#varint();
    if (length < 0 || length > this.#end - this.#position)
      this.#fail(
        `length ${length} of field ${this.#field} is more than the ${this.#end - this.#position} bytes left`,
      );
    const offset = this.#position;
    this.#position += length;
    return { offset, length };
  }

  /** UTF-8 text of at most 64 KiB. */
  string(): string {
    const range = this.range();
    if (range.length > MAX_STRING_BYTES)
      throw new SkyliftError(
        'SKY_ONNX_LIMIT',
        `a name of ${range.length} bytes at byte ${range.offset} is longer than ${MAX_STRING_BYTES}`,
      );
    return this.#decode(range);
  }

  /** UTF-8 text, or undefined when it is longer than 64 KiB. */
  stringIfShort(): string | undefined {
    const range = this.range();
    return range.length > MAX_STRING_BYTES ? undefined : this.#decode(range);
  }

  /** A signed 64-bit integer. Values that a JavaScript number cannot hold exactly are errors. */
  int64(): number {
    this.#take(VARINT);
    return this.#varint();
  }

  /** A signed 32-bit integer or an enum. */
  int32(): number {
    const value = this.int64();
    if (value !== (value | 0)) this.#fail(`value ${value} of field ${this.#field} does not fit into 32 bits`);
    return value;
  }

  /** Appends one int64 or a packed run of them. */
  repeatedInt64(into: number[]): void {
    if (this.#wireType === VARINT) {
      this.charge(0);
      into.push(this.int64());
      return;
    }
    this.#eachPacked(() => {
      this.charge(0);
      into.push(this.#varint());
    });
  }

  /** Number of varints in the current field, packed or not; their values are not kept. */
  countVarints(): number {
    let count = 0;
    if (this.#wireType === VARINT) {
      this.#skip();
      return 1;
    }
    this.#eachPacked(() => {
      this.#skipVarint();
      count++;
    });
    return count;
  }

  /** Number of fixed-width elements (4 or 8 bytes) in the current field, packed or not. */
  countFixed(elementBytes: 4 | 8): number {
    const wireType = elementBytes === 4 ? FIXED32 : FIXED64;
    if (this.#wireType === wireType) {
      this.#skip();
      return 1;
    }
    const { offset, length } = this.range();
    if (length % elementBytes !== 0)
      this.#fail(`${length} bytes of field ${this.#field} are no multiple of ${elementBytes}`, offset);
    return length / elementBytes;
  }

  /** Accounts for `bytes` that the caller keeps and a fixed overhead. Throws SKY_ONNX_LIMIT. */
  charge(bytes: number): void {
    this.#keptBytes += bytes + 16; // an entry in an array or map
    if (this.#keptBytes > this.#limits.maxKeptBytes)
      throw new SkyliftError(
        'SKY_ONNX_LIMIT',
        `names and entries take more than max_onnx_structure_bytes = ${this.#limits.maxKeptBytes}`,
      );
  }

  #readTag(): void {
    const tag = this.#varint();
    const field = Math.floor(tag / 8);
    if (tag < 0 || tag > MAX_TAG || field === 0) this.#fail(`tag ${tag} names no field`);
    this.#field = field;
    this.#wireType = tag % 8;
    this.#isPending = true;
  }

  #take(wireType: number): void {
    if (this.#wireType !== wireType)
      this.#fail(
        `field ${this.#field} has wire type ${WIRE_NAMES[this.#wireType] ?? this.#wireType}, not ${WIRE_NAMES[wireType]}`,
      );
    this.#isPending = false;
  }

  #skip(): void {
    this.#isPending = false;
    switch (this.#wireType) {
      case VARINT:
        return this.#skipVarint();
      case FIXED64:
        return this.#advance(8);
      case LENGTH_DELIMITED:
        return void this.range();
      case FIXED32:
        return this.#advance(4);
      default:
        this.#fail(
          `wire type ${WIRE_NAMES[this.#wireType] ?? this.#wireType} of field ${this.#field} is refused`,
        );
    }
  }

  #advance(count: number): void {
    if (count > this.#end - this.#position) this.#fail(`field ${this.#field} is cut off`);
    this.#position += count;
  }

  #eachPacked(read: () => void): void {
    const { offset, length } = this.range();
    const outerEnd = this.#end;
    this.#position = offset;
    this.#end = offset + length;
    while (this.#position < this.#end) read();
    this.#end = outerEnd;
  }

  #byte(): number {
    if (this.#position >= this.#end) this.#fail('the bytes end inside a number');
    if (this.#position >= this.#windowEnd) this.#refill(this.#position); // reading only goes forward
    return this.#window[this.#position++ - this.#windowStart] ?? 0;
  }

  #skipVarint(): void {
    for (let i = 0; i < MAX_VARINT_BYTES; i++) if (this.#byte() < 0x80) return;
    this.#fail('a number is longer than ten bytes');
  }

  /** Multiplication instead of shifts: exact up to 2^49; the last three groups go through BigInt. */
  #varint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 7; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    return this.#longVarint(value);
  }

  #longVarint(low: number): number {
    let value = BigInt(low);
    for (let i = 7; i < MAX_VARINT_BYTES; i++) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << BigInt(7 * i);
      if (byte >= 0x80) continue;
      if (value >= 1n << 64n) this.#fail('a number has more than 64 bits');
      const signed = Number(BigInt.asIntN(64, value));
      if (!Number.isSafeInteger(signed)) this.#fail(`number ${BigInt.asIntN(64, value)} is too large`);
      return signed;
    }
    return this.#fail('a number is longer than ten bytes');
  }

  #refill(offset: number): void {
    const count = this.#file.readInto(this.#window, offset);
    if (count === 0) this.#fail('the file became shorter while it was read');
    this.#windowStart = offset;
    this.#windowEnd = offset + count;
  }

  #decode({ offset, length }: ByteRange): string {
    this.charge(length);
    try {
      return utf8.decode(this.#bytesAt(offset, length));
    } catch (error) {
      throw isSkyliftError(error) ? error : this.#malformed(`field ${this.#field} is not UTF-8`, offset);
    }
  }

  #bytesAt(offset: number, length: number): Uint8Array {
    if (offset + length <= this.#windowEnd)
      return this.#window.subarray(offset - this.#windowStart, offset + length - this.#windowStart);
    const bytes = new Uint8Array(length);
    if (this.#file.readInto(bytes, offset) < length) this.#fail('the file became shorter while it was read');
    return bytes;
  }

  #fail(what: string, offset = this.#position): never {
    throw this.#malformed(what, offset);
  }

  #malformed(what: string, offset: number): SkyliftError {
    return new SkyliftError('SKY_ONNX_MALFORMED', `${what} (byte ${offset})`, { details: { offset } });
  }
}
