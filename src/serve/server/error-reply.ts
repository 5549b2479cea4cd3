/** Failures of the server itself, with the status that fits the place. */
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
