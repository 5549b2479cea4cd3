/** Decompresses request bodies in zlib's thread pool with two bounds, so that a small bomb cannot become a large body. */
import { createGunzip, createInflate } from 'node:zlib';

const FREE_BYTES = 64 * 1024; // up to here any ratio is fine: rows of equal numbers compress far better than 20

/** Of HTTP; deflate is zlib's format (RFC 9110). */
export type Compression = 'gzip' | 'deflate';

export type DecompressProblem = 'too-large' | 'malformed';

/** Upper bound of the result: the body limit, and `maxRatio` times the compressed size. */
export function decompressedBound(compressedBytes: number, maxBytes: number, maxRatio: number): number {
  return Math.min(maxBytes, Math.max(FREE_BYTES, compressedBytes * maxRatio));
}

/**
 * Calls `done` once, in a later turn, with the plain bytes or the reason why there are none. The result ends the work and
 * frees its memory, for a client that is gone; `done` is not called then.
 */
export function decompress(
  coding: Compression,
  compressed: Uint8Array,
  maxOutputBytes: number,
  done: (result: Uint8Array | DecompressProblem) => void,
): () => void {
  const stream = coding === 'gzip' ? createGunzip() : createInflate();
  const pieces: Buffer[] = [];
  let plainBytes = 0;
  let isOver = false;
  const stop = (): void => {
    isOver = true;
    pieces.length = 0;
    stream.destroy();
  };
  const finish = (result: Uint8Array | DecompressProblem): void => {
    if (isOver) return;
    stop();
    done(result);
  };
  stream.on('data', (piece: Buffer) => {
    plainBytes += piece.length;
    if (plainBytes > maxOutputBytes) finish('too-large');
    else if (!isOver) pieces.push(piece);
  });
  stream.on('end', () => finish(Buffer.concat(pieces, plainBytes)));
  stream.on('error', () => finish('malformed'));
  stream.end(compressed);
  return stop;
}

/** How the body is packed, from `content-encoding`; undefined for codings that are not understood. */
export function contentCoding(header: string | undefined): 'plain' | Compression | undefined {
  if (header === undefined) return 'plain';
  const coding = header.trim().toLowerCase();
  if (coding === '' || coding === 'identity') return 'plain';
  if (coding === 'deflate') return 'deflate';
  return coding === 'gzip' || coding === 'x-gzip' ? 'gzip' : undefined;
}
