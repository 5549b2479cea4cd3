/**
 * Sockets that read into memory of our choice. A stream of node:net allocates 64 KiB for every read and hands over
 * pieces; with `onread` one buffer serves many reads, and what is large lands where it belongs.
 */
import type { SocketConstructorOpts } from 'node:net';

export interface ReadTarget {
  /** Where the next bytes should go; undefined: anywhere. */
  nextBuffer(): Buffer | undefined;
  /** Bytes have come. Those that are not in `nextBuffer` are used or copied before this returns. */
  received(bytes: Buffer): void;
}

/** The `onread` of a socket that reads for `target`. @param shared taken when the target has no buffer; may serve many sockets */
export function readInto(target: ReadTarget, shared: Buffer): NonNullable<SocketConstructorOpts['onread']> {
  return {
    buffer: () => target.nextBuffer() ?? shared,
    callback(sizeBytes, buffer) {
      target.received(Buffer.from(buffer.buffer, buffer.byteOffset, sizeBytes));
      return true;
    },
  };
}

/** True when `bytes` are the ones at `offset` of `buffer`: a socket has read into it. */
export function liesAt(bytes: Buffer, buffer: Buffer, offset: number): boolean {
  return bytes.buffer === buffer.buffer && bytes.byteOffset === buffer.byteOffset + offset;
}
