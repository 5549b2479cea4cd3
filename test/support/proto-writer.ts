/** Writes the protobuf wire format for tests, right or wrong. Source: protobuf.dev/programming-guides/encoding. */

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

/** Appends fields to one protobuf message. */
export class ProtoWriter {
  readonly #bytes: number[] = [];
  readonly #parts: Uint8Array[] = [];

  /** A field of type int32, int64, uint64, bool or enum. */
  varint(field: number, value: number | bigint): this {
    return this.tag(field, VARINT).rawVarint(value);
  }

  float(field: number, value: number): this {
    return this.tag(field, FIXED32).raw(littleEndian(Float32Array.of(value)));
  }

  /** A field of type bytes or an encoded message. */
  bytes(field: number, value: Uint8Array): this {
    return this.tag(field, LENGTH_DELIMITED).rawVarint(value.length).raw(value);
  }

  string(field: number, value: string): this {
    return this.bytes(field, new TextEncoder().encode(value));
  }

  packedVarints(field: number, values: readonly (number | bigint)[]): this {
    const packed = new ProtoWriter();
    for (const value of values) packed.rawVarint(value);
    return this.bytes(field, packed.finish());
  }

  tag(field: number, wireType: number): this {
    return this.rawVarint(field * 8 + wireType);
  }

  rawVarint(value: number | bigint): this {
    let rest = BigInt.asUintN(64, BigInt(value));
    do {
      const group = Number(rest & 0x7fn);
      rest >>= 7n;
      this.#bytes.push(rest === 0n ? group : group | 0x80);
    } while (rest !== 0n);
    return this;
  }

  raw(value: Uint8Array): this {
    this.#flush();
    this.#parts.push(value);
    return this;
  }

  finish(): Uint8Array {
    this.#flush();
    return new Uint8Array(Buffer.concat(this.#parts));
  }

  #flush(): void {
    if (this.#bytes.length > 0) this.#parts.push(Uint8Array.from(this.#bytes.splice(0)));
  }
}

/** Bytes of a typed array as raw_data wants them; the machines that run tests are little-endian. */
export function littleEndian(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
