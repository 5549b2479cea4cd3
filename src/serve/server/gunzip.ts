/** Decompresses request bodies in zlib's thread pool with two bounds, so that a small bomb cannot become a large body. */
import { gunzip } from 'node:zlib';

const FREE_BYTES = 64 * 1024; // up to here any ratio is fine: rows of equal numbers compress far better than 20

export type GunzipProblem = 'too-large' | 'malformed';

/** Upper bound of the result: the body limit, and `maxRatio` times the compressed size. */
export function gunzipBound(compressedBytes: number, maxBytes: number, maxRatio: number): number {
  return Math.min(maxBytes, Math.max(FREE_BYTES, compressedBytes * maxRatio));
}

/** Calls `done` once, in a later turn, with the plain bytes or the reason why there are none. */
export function gunzipBounded(
  compressed: Uint8Array,
  maxOutputBytes: number,
  done: (result: Uint8Array | GunzipProblem) => void,
): void {
  gunzip(compressed, { maxOutputLength: maxOutputBytes }, (error: NodeJS.ErrnoException | null, plain) => {
    if (error === null) done(plain);
    else done(error.code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : 'malformed');
  });
}

/** How the body is packed, from `content-encoding`; undefined for codings that are not understood. */
export function contentCoding(header: string | undefined): 'plain' | 'gzip' | undefined {
  if (header === undefined) return 'plain';
  const coding = header.trim().toLowerCase();
  if (coding === '' || coding === 'identity') return 'plain';
  return coding === 'gzip' || coding === 'x-gzip' ? 'gzip' : undefined;
}
