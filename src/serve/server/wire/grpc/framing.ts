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
  #bytes: Buffer | undefined;
  #filledBytes = 0;

  /** Takes what belongs to the prefix. @returns how many bytes that are */
  add(piece: Buffer): number {
    if (this.#filledBytes === 0 && piece.length >= PREFIX_BYTES) this.#bytes = piece; // as nearly always: read in place
    const taken = Math.min(PREFIX_BYTES - this.#filledBytes, piece.length);
    if (this.#bytes !== piece)
      (this.#bytes ??= Buffer.alloc(PREFIX_BYTES)).set(piece.subarray(0, taken), this.#filledBytes);
    this.#filledBytes += taken;
    return taken;
  }

  /** The prefix, once it is whole; 'malformed' for a flag that gRPC does not have. */
  take(): MessagePrefix | 'malformed' | undefined {
    const bytes = this.#bytes;
    if (bytes === undefined || this.#filledBytes < PREFIX_BYTES) return undefined;
    this.#bytes = undefined;
    this.#filledBytes = 0;
    const flag = bytes[0] ?? 0;
    return flag > 1 ? 'malformed' : { isCompressed: flag === 1, lengthBytes: bytes.readUInt32BE(1) };
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
