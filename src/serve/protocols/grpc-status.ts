/** How a failure looks on gRPC: the canonical code and the text as the two fields of the trailers. */
import { GRPC_CODE } from '../../core/error-codes.ts';
import type { GrpcStatus } from '../../core/error-codes.ts';

export const GRPC_TYPE = 'application/grpc';

/** Name of the field that says how a call went. */
export const GRPC_STATUS = 'grpc-status';

/** Longest error text in characters, as TensorFlow Serving cuts them: a request never comes back whole. */
const MAX_MESSAGE_CHARS = 1024;

const PLAIN = /^[ -$&-~]*$/;

/** Trailers of a call that failed. */
export function statusHeaders(status: GrpcStatus, message: string): Readonly<Record<string, string>> {
  return { [GRPC_STATUS]: String(GRPC_CODE[status]), 'grpc-message': percentEncoded(cutMessage(message)) };
}

/** The message, cut at 1024 characters. */
export function cutMessage(message: string): string {
  return message.length > MAX_MESSAGE_CHARS ? `${message.slice(0, MAX_MESSAGE_CHARS)}...TRUNCATED` : message;
}

/**
 * UTF-8 with everything but printable ASCII, and `%` itself, as `%XX` (gRPC over HTTP/2, Status-Message); so is a blank at
 * either end, which HTTP would drop.
 */
function percentEncoded(text: string): string {
  const encoded = PLAIN.test(text) ? text : encodedBytes(text);
  return encoded.replaceAll(/^ | $/g, '%20');
}

function encodedBytes(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
