/** Compresses replies in zlib's thread pool, for clients that ask for it and servers that were told to. */
import { constants, deflate, gzip } from 'node:zlib';
import type { Compression } from './decompress.ts';

/** Shorter replies fit into a packet or two. */
const LEAST_BYTES = 1024;
/** The fastest level: numbers as text shrink to a half with it already. */
const OPTIONS = { level: constants.Z_BEST_SPEED };

/** The coding that `accept-encoding` asks for, gzip first; undefined: the reply goes as it is. RFC 9110, section 12.5.3. */
export function acceptedCoding(header: string | undefined): Compression | undefined {
  if (header === undefined) return undefined;
  const accepted = new Set(
    header
      .toLowerCase()
      .split(',')
      .map((part) => part.trim())
      .filter((part) => !/;\s*q=0(?:\.0*)?$/.test(part))
      .map((part) => part.replace(/\s*;.*$/, '')),
  );
  if (accepted.has('gzip') || accepted.has('x-gzip')) return 'gzip';
  return accepted.has('deflate') ? 'deflate' : undefined;
}

export function isWorthCompressing(status: number, body: Uint8Array | string): boolean {
  return status === 200 && body.length >= LEAST_BYTES;
}

/** Calls `done` once, in a later turn; with undefined when it failed or gained nothing. */
export function compressReply(
  coding: Compression,
  body: Uint8Array | string,
  done: (packed: Uint8Array | undefined) => void,
): void {
  const compress = coding === 'gzip' ? gzip : deflate;
  compress(body, OPTIONS, (error, packed) =>
    done(error || packed.length >= body.length ? undefined : packed),
  );
}
