/**
 * gRPC's framing of a message: one byte (1: compressed), its length in four bytes, big-endian, then the message. Source:
 * grpc/grpc doc/PROTOCOL-HTTP2.md.
 */

const PREFIX_BYTES = 5;

/** Up to here a copy behind the prefix is cheaper than a second write. */
const COPIED_BYTES = 64 * 1024;

/** What stands before a message. */
export interface MessagePrefix {
  readonly isCompressed: boolean;
  readonly lengthBytes: number;
}

/** Reads the prefix of a message from any split of its bytes. */
export class PrefixReader {
  readonly #bytes = Buffer.alloc(PREFIX_BYTES);
  #filledBytes = 0;

  /** Whether nothing of a prefix has come. */
  get isEmpty(): boolean {
    return this.#filledBytes === 0;
  }

  /** Takes what belongs to the prefix. @returns how many bytes that are */
  add(piece: Uint8Array): number {
    const taken = piece.subarray(0, PREFIX_BYTES - this.#filledBytes);
    this.#bytes.set(taken, this.#filledBytes);
    this.#filledBytes += taken.length;
    return taken.length;
  }

  /** The prefix, once it is whole; 'malformed' for a flag that gRPC does not have. */
  take(): MessagePrefix | 'malformed' | undefined {
    if (this.#filledBytes < PREFIX_BYTES) return undefined;
    this.#filledBytes = 0;
    const flag = this.#bytes[0] ?? 0;
    return flag > 1 ? 'malformed' : { isCompressed: flag === 1, lengthBytes: this.#bytes.readUInt32BE(1) };
  }
}

/** The pieces to write for a message that is not compressed. */
export function framed(message: Uint8Array | string): readonly Uint8Array[] {
  const bytes = typeof message === 'string' ? Buffer.from(message) : message;
  const isCopied = bytes.length <= COPIED_BYTES;
  const head = Buffer.allocUnsafe(PREFIX_BYTES + (isCopied ? bytes.length : 0));
  head[0] = 0;
  head.writeUInt32BE(bytes.length, 1);
  if (!isCopied) return [head, bytes];
  head.set(bytes, PREFIX_BYTES);
  return [head];
}
