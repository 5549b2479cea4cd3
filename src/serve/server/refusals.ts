/** The answers that the server gives by itself, before or instead of a handler: status, code, words with values. */
import type { ErrorOptions } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { httpFailure } from './error-reply.ts';
import type { HttpFailure } from './error-reply.ts';
import type { DecompressProblem } from './decompress.ts';
import type { BodyProblem, HeadProblem } from './wire/wire.ts';

/** How large a body may be, and the flag that says so. */
export interface BodyLimit {
  readonly maxBytes: number;
  readonly flag: string;
}

const SHOWN_CHARACTERS = 256; // of what the caller sent; it goes back to that caller only

/** No route: 404, or 405 with `allow` when the path has other methods. */
export function missingRefusal(method: string, path: string, allowed: readonly string[]): HttpFailure {
  const where = `${method} ${path}`.slice(0, SHOWN_CHARACTERS);
  if (allowed.length === 0) return httpFailure(404, 'SKY_ROUTE_NOT_FOUND', `nothing answers ${where}`);
  const failure = httpFailure(405, 'SKY_REQUEST_INVALID', `${where} is not allowed`, {
    hint: `Use ${allowed.join(' or ')}.`,
  });
  return { ...failure, headers: { allow: allowed.join(', ') } };
}

/** A path parameter that is no percent-encoded UTF-8. */
export function paramRefusal(param: string, value: string): HttpFailure {
  const shown = JSON.stringify(value.slice(0, SHOWN_CHARACTERS));
  return httpFailure(400, 'SKY_REQUEST_INVALID', `the ${param} in the path cannot be decoded: ${shown}`, {
    hint: 'Encode the name as UTF-8, then percent-encode it once.',
  });
}

/** A content-encoding other than gzip and deflate. */
export const UNKNOWN_CODING: HttpFailure = {
  ...httpFailure(415, 'SKY_REQUEST_INVALID', 'the content-encoding of the body is not understood', {
    hint: 'Send the body plain, or with content-encoding: gzip or deflate.',
  }),
  grpc: 'UNIMPLEMENTED', // makes a gRPC client send the next one plain
};

/** A compressed body that is none, or that grows beyond the limit. */
export function decompressRefusal(
  problem: DecompressProblem,
  compressedBytes: number,
  { maxBytes, flag }: BodyLimit,
): HttpFailure {
  if (problem === 'malformed')
    return httpFailure(400, 'SKY_REQUEST_INVALID', 'the body is not compressed as content-encoding says', {
      hint: 'Compress the body, or leave the header away.',
    });
  return httpFailure(
    413,
    'SKY_REQUEST_TOO_LARGE',
    `the compressed body of ${compressedBytes} bytes expands to more than ${maxBytes} bytes (${flag}, --max_gzip_ratio)`,
  );
}

/** A body that did not come whole. @param bodyBytes announced length, undefined when chunked */
export function bodyRefusal(
  problem: BodyProblem,
  bodyBytes: number | undefined,
  { maxBytes, flag }: BodyLimit,
  limits: Limits,
): HttpFailure {
  const size = bodyBytes === undefined ? 'a chunked body' : `a body of ${bodyBytes} bytes`;
  switch (problem) {
    case 'too-large':
      return httpFailure(
        413,
        'SKY_REQUEST_TOO_LARGE',
        `${size} is over the limit of ${maxBytes} bytes (${flag})`,
      );
    case 'over-budget':
      return overloaded(
        `with ${size} the server would hold more than ${limits.max_inflight_bytes} bytes (--max_inflight_bytes)`,
      );
    case 'no-memory':
      return overloaded(`the machine has no memory for ${size}`, {
        hint: 'Give the server more memory, or lower --max_inflight_bytes.',
      });
    case 'malformed':
      return httpFailure(400, 'SKY_REQUEST_INVALID', 'the body breaks the rules of HTTP framing', {
        hint: 'Send content-length bytes exactly, or well-formed chunks.',
      });
    case 'timeout':
      return httpFailure(
        408,
        'SKY_DEADLINE_EXCEEDED',
        `${size} did not arrive within ${limits.body_timeout_ms} ms (--body_timeout_ms)`,
      );
  }
}

/** Another attempt may find room. */
function overloaded(message: string, options?: ErrorOptions): HttpFailure {
  return { ...httpFailure(503, 'SKY_OVERLOADED', message, options), headers: { 'retry-after': '1' } };
}

/** Bytes that never became a request. */
export function headRefusal(problem: HeadProblem, detail: string, limits: Limits): HttpFailure {
  switch (problem) {
    case 'malformed':
      return httpFailure(400, 'SKY_REQUEST_INVALID', `the bytes are no HTTP/1.1 request: ${detail}`, {
        hint: 'Speak plain HTTP/1.1 to this port.',
      });
    case 'headers-too-large':
      return httpFailure(
        431,
        'SKY_REQUEST_TOO_LARGE',
        `the head exceeds ${limits.max_header_bytes} bytes or ${limits.max_headers} headers (--max_header_bytes, --max_headers)`,
      );
    case 'timeout':
      return httpFailure(
        408,
        'SKY_DEADLINE_EXCEEDED',
        `the head did not arrive within ${limits.header_timeout_ms} ms (--header_timeout_ms)`,
      );
    case 'unknown-transfer-coding':
      return httpFailure(501, 'SKY_REQUEST_INVALID', `the transfer-encoding is not understood: ${detail}`, {
        hint: 'Send content-length, or transfer-encoding: chunked.',
      });
    case 'unknown-expectation':
      return httpFailure(417, 'SKY_REQUEST_INVALID', `the expectation is not understood: ${detail}`, {
        hint: 'Leave the expect header away.',
      });
  }
}
