/** How failures of the server itself look on HTTP: JSON that TensorFlow Serving's clients can read too (`error` is a text). */
import { SkyliftError } from '../../core/errors.ts';
import type { ErrorCode, GrpcStatus } from '../../core/error-codes.ts';
import type { ErrorOptions } from '../../core/errors.ts';

/** A coded failure with the HTTP status that fits the place; the status of the code's table row is the usual one. */
export interface HttpFailure {
  readonly status: number;
  readonly error: SkyliftError;
  /** The status on gRPC, where the place knows better than the table. */
  readonly grpc?: GrpcStatus;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A failure with a status of its own. */
export function httpFailure(
  status: number,
  code: ErrorCode,
  message: string,
  options: ErrorOptions = {},
): HttpFailure {
  return { status, error: new SkyliftError(code, message, options) };
}

/** `{"error": message, "code": ..., "hint": ..., "id": ...}`; `id` finds the request in the log. */
export function codedBody(error: SkyliftError, id?: string): string {
  return JSON.stringify({ error: error.message, code: error.code, hint: error.hint, id });
}
