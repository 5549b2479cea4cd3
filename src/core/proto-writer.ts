/**
 * Writer of the protobuf wire format into one buffer. The length of a nested message is written when it is known: room for
 * it is left before, and only a wrong guess moves the bytes.
 */

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;
const FIXED64 = 1;
const MAX_VARINT_BYTES = 10;
const SMALLEST_BYTES = 256;

/** A nested message that is being written. */
interface OpenMessage {
  /** Where its length stands. */
  readonly lengthAt: number;
  /** Room for the length. */
  readonly lengthBytes: number;
}

/** Fields are written as they are given: leaving out what has its default value is the caller's affair. */
export class ProtoWriter {
  #bytes: Buffer;
  #at = 0;

  /** @param expectedBytes about the size of the whole message */
  constructor(expectedBytes = SMALLEST_BYTES) {
    this.#bytes = Buffer.allocUnsafe(Math.max(expectedBytes, SMALLEST_BYTES));
  }

  /** The message; nothing may be written after that. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A field of type int32, uint32, bool or enum, or an int64 that a number holds. Negative ones take ten bytes. */
  integer(field: number, value: number): this {
    this.#tag(field, VARINT);
    this.rawInteger(value);
    return this;
  }

  int64(field: number, value: bigint): this {
    this.#tag(field, VARINT);
    const bits = BigInt.asUintN(64, value);
    this.rawVarint(Number(bits & 0xffffffffn), Number(bits >> 32n));
    return this;
  }

  bool(field: number, value: boolean): this {
    return this.integer(field, value ? 1 : 0);
  }

  float(field: number, value: number): this {
    this.#tag(field, FIXED32);
    this.#room(4);
    this.#at = this.#bytes.writeFloatLE(value, this.#at);
    return this;
  }

  double(field: number, value: number): this {
    this.#tag(field, FIXED64);
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
    return this;
  }

  string(field: number, text: string): this {
    const sizeBytes = Buffer.byteLength(text);
    this.#tag(field, LENGTH_DELIMITED);
    this.rawInteger(sizeBytes);
    this.#room(sizeBytes);
    this.#bytes.write(text, this.#at, sizeBytes, sizeBytes === text.length ? 'latin1' : 'utf8');
    this.#at += sizeBytes;
    return this;
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.#tag(field, LENGTH_DELIMITED);
    this.rawInteger(bytes.length);
    this.#room(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
    return this;
  }

  /** A nested message, or a packed run of scalars. @param expectedBytes about its size */
  message(field: number, write: () => void, expectedBytes = 0): this {
    const open = this.#open(field, expectedBytes);
    write();
    this.#close(open);
    return this;
  }

  /** An integer without a tag. */
  rawInteger(value: number): void {
    if (value >= 0 && value < 0x80) {
      this.#room(1);
      this.#bytes[this.#at++] = value;
      return;
    }
    this.rawVarint(value >>> 0, Math.floor(value / 2 ** 32) >>> 0);
  }

  /** A 64-bit integer without a tag, from its unsigned halves. */
  rawVarint(lowHalf: number, highHalf: number): void {
    this.#room(MAX_VARINT_BYTES);
    let low = lowHalf;
    let high = highHalf;
    while (high !== 0 || low > 0x7f) {
      this.#bytes[this.#at++] = (low & 0x7f) | 0x80;
      low = ((low >>> 7) | (high << 25)) >>> 0;
      high >>>= 7;
    }
    this.#bytes[this.#at++] = low;
  }

  #tag(field: number, wireType: number): void {
    this.rawInteger(field * 8 + wireType);
  }

  #open(field: number, expectedBytes: number): OpenMessage {
    this.#tag(field, LENGTH_DELIMITED);
    const lengthBytes = varintBytes(expectedBytes);
    this.#room(lengthBytes + expectedBytes);
    const lengthAt = this.#at;
    this.#at += lengthBytes;
    return { lengthAt, lengthBytes };
  }

  #close({ lengthAt, lengthBytes }: OpenMessage): void {
    const start = lengthAt + lengthBytes;
    const sizeBytes = this.#at - start;
    const wantedBytes = varintBytes(sizeBytes);
    if (wantedBytes !== lengthBytes) {
      this.#room(MAX_VARINT_BYTES);
      this.#bytes.copyWithin(lengthAt + wantedBytes, start, this.#at);
    }
    this.#at = lengthAt;
    this.rawInteger(sizeBytes);
    this.#at = lengthAt + wantedBytes + sizeBytes;
  }

  #room(sizeBytes: number): void {
    const needed = this.#at + sizeBytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#at));
    this.#bytes = grown;
  }
}

function varintBytes(value: number): number {
  let count = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) count++;
  return count;
}
