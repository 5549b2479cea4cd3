/**
 * Reader of the protobuf wire format over bytes in memory, for messages of the network. It pulls field after field; a field
 * that is not read is skipped, nothing is allocated from a declared length, strings and bytes are checked against the end
 * first. The reader of model files (formats/onnx/wire.ts) walks files that do not fit into memory instead.
 * Source: protobuf.dev/programming-guides/encoding. As strict as that one: a known field with another wire type and a
 * number out of range are errors, never guesses.
 */
import { isAscii } from 'node:buffer';
import { SkyliftError } from './errors.ts';

const VARINT = 0;
const FIXED64 = 1;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
const MAX_FIELD = 2 ** 29 - 1;
/** Nesting of messages; those of the network are flat. */
const MAX_DEPTH = 32;
const TWO_32 = 2 ** 32;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How the elements of a repeated scalar field are written. */
export type ScalarWire = typeof VARINT | typeof FIXED32 | typeof FIXED64;
export const SCALAR = { varint: VARINT, fixed32: FIXED32, fixed64: FIXED64 } as const;

/** One pass over one message. All methods throw SKY_REQUEST_INVALID with the offset for bytes that are no protobuf. */
export class ProtoReader {
  readonly #bytes: Buffer;
  #at = 0;
  #end: number;
  #field = 0;
  #wireType = VARINT;
  #isPending = false;
  #depth = 0;
  /** Halves of the varint that was read last, unsigned. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#end = bytes.length;
  }

  /** Number of the next field of this message; 0 at its end. Skips the value of the last one if nobody read it. */
  next(): number {
    if (this.#isPending) this.#skip();
    if (this.#at >= this.#end) return 0;
    this.#readVarint();
    const tag = this.#low;
    const field = tag >>> 3;
    if (this.#high !== 0 || field === 0 || field > MAX_FIELD) this.#fail('a tag names no field');
    this.#field = field;
    this.#wireType = tag & 7;
    this.#isPending = true;
    return field;
  }

  /** Reads the current field as a message: inside `read` the fields are its own. */
  message<T>(read: () => T): T {
    const length = this.#length();
    if (++this.#depth > MAX_DEPTH) this.#fail(`messages are nested deeper than ${MAX_DEPTH}`);
    const outerEnd = this.#end;
    const innerEnd = this.#at + length;
    this.#end = innerEnd;
    const result = read();
    if (this.next() !== 0) this.#fail('a message was not read to its end');
    this.#end = outerEnd;
    this.#depth--;
    return result;
  }

  /** The bytes of the field, as a view. */
  bytes(): Buffer {
    const length = this.#length();
    const start = this.#at;
    this.#at += length;
    return this.#bytes.subarray(start, this.#at);
  }

  string(): string {
    const bytes = this.bytes();
    if (isAscii(bytes)) return bytes.toString('latin1');
    try {
      return utf8.decode(bytes);
    } catch {
      return this.#fail(`field ${this.#field} is not UTF-8`);
    }
  }

  bool(): boolean {
    this.#take(VARINT);
    this.#readVarint();
    return this.#low !== 0 || this.#high !== 0;
  }

  /** An int32 or an enum. */
  int32(): number {
    this.#take(VARINT);
    return this.rawInt32();
  }

  int64(): bigint {
    this.#take(VARINT);
    return this.rawInt64();
  }

  uint64(): bigint {
    this.#take(VARINT);
    this.#readVarint();
    return (BigInt(this.#high) << 32n) | BigInt(this.#low);
  }

  double(): number {
    this.#take(FIXED64);
    return this.rawDouble();
  }

  /** Calls `onElement` for each element of a repeated scalar, packed or not; it reads one by a `raw` method. */
  elements(wire: ScalarWire, onElement: () => void): void {
    if (this.#wireType === wire) {
      this.#isPending = false;
      onElement();
      return;
    }
    const length = this.#length();
    const outerEnd = this.#end;
    this.#end = this.#at + length;
    while (this.#at < this.#end) onElement();
    this.#end = outerEnd;
  }

  /** Whether the field holds a packed run, or bytes. */
  get isDelimited(): boolean {
    return this.#wireType === LENGTH_DELIMITED;
  }

  rawInt32(): number {
    this.#readVarint();
    const value = this.#low | 0;
    if (this.#high !== (value < 0 ? 0xffffffff : 0)) this.#fail(`field ${this.#field} exceeds 32 bits`);
    return value;
  }

  rawUint32(): number {
    this.#readVarint();
    if (this.#high !== 0) this.#fail(`field ${this.#field} exceeds 32 bits`);
    return this.#low;
  }

  /** Puts a 64-bit integer into two neighbours of `words`, the low one first. */
  rawInt64(): bigint {
    this.#readVarint();
    return (BigInt(this.#high | 0) << 32n) | BigInt(this.#low);
  }

  rawInt64Into(words: Uint32Array, at: number): void {
    this.#readVarint();
    words[at] = this.#low;
    words[at + 1] = this.#high;
  }

  /** A signed 64-bit integer that a number holds exactly. */
  rawSafeInteger(): number {
    this.#readVarint();
    const value = (this.#high | 0) * TWO_32 + this.#low;
    if (!Number.isSafeInteger(value)) this.#fail(`field ${this.#field} is too large`);
    return value;
  }

  rawBool(): boolean {
    this.#readVarint();
    return this.#low !== 0 || this.#high !== 0;
  }

  rawFloat(): number {
    const at = this.#advance(4);
    return this.#bytes.readFloatLE(at);
  }

  rawDouble(): number {
    const at = this.#advance(8);
    return this.#bytes.readDoubleLE(at);
  }

  /** A field of an int64 as a number. */
  safeInteger(): number {
    this.#take(VARINT);
    return this.rawSafeInteger();
  }

  #take(wireType: number): void {
    if (this.#wireType !== wireType)
      this.#fail(`field ${this.#field} has wire type ${this.#wireType}, not ${wireType}`);
    this.#isPending = false;
  }

  /** Length of a delimited field; its bytes are there. */
  #length(): number {
    this.#take(LENGTH_DELIMITED);
    this.#readVarint();
    const left = this.#end - this.#at;
    if (this.#high !== 0 || this.#low > left)
      this.#fail(`field ${this.#field} claims more than the ${left} bytes that are left`);
    return this.#low;
  }

  #skip(): void {
    switch (this.#wireType) {
      case VARINT:
        this.#isPending = false;
        this.#readVarint();
        return;
      case FIXED64:
        this.#isPending = false;
        this.#advance(8);
        return;
      case FIXED32:
        this.#isPending = false;
        this.#advance(4);
        return;
      case LENGTH_DELIMITED: {
        const length = this.#length();
        this.#at += length;
        return;
      }
      default:
        this.#fail(`wire type ${this.#wireType} of field ${this.#field} is refused`);
    }
  }

  /** Moves over `sizeBytes`. @returns where they start */
  #advance(sizeBytes: number): number {
    const start = this.#at;
    if (sizeBytes > this.#end - start) this.#fail(`field ${this.#field} is cut off`);
    this.#at += sizeBytes;
    return start;
  }

  #readVarint(): void {
    const first = this.#at < this.#end ? (this.#bytes[this.#at] ?? 0) : 0x80;
    if (first >= 0x80) {
      this.#readLongVarint();
      return;
    }
    this.#at++;
    this.#low = first;
    this.#high = 0;
  }

  #readLongVarint(): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= this.#end) this.#fail('the bytes end inside a number');
      const byte = this.#bytes[this.#at++] ?? 0;
      const group = byte & 0x7f;
      if (shift < 28) low |= group << shift;
      else if (shift === 28) {
        low |= group << 28;
        high = group >>> 4;
      } else if (shift < 63) high |= group << (shift - 32);
      else if (group > 1) this.#fail('a number has more than 64 bits');
      else high |= group << 31;
      if (byte >= 0x80) continue;
      this.#low = low >>> 0;
      this.#high = high >>> 0;
      return;
    }
    this.#fail('a number is longer than ten bytes');
  }

  #fail(what: string): never {
    throw new SkyliftError('SKY_REQUEST_INVALID', `the message is not protobuf: ${what} (byte ${this.#at})`, {
      hint: 'Encode the message with the .proto files of the protocol.',
    });
  }
}
