/** The one error class. Every failure that leaves a part of Skylift is a SkyliftError with a code of the table. */
import { ERROR_CODES, HTTP_STATUS } from './error-codes.ts';
import type { ErrorCode, ErrorRecord, GrpcStatus } from './error-codes.ts';

const MARKER = Symbol.for('skylift.error');

/** Values that explain an error to a program; never secrets, never payload data. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

export interface ErrorOptions {
  readonly details?: ErrorDetails;
  /** Overrides the table's hint when the place knows the exact next step. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** A coded failure: what failed with its values (message), the next step (hint), and how each surface shows it. */
export class SkyliftError extends Error {
  override readonly name = 'SkyliftError';
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: ErrorDetails;
  readonly grpc: GrpcStatus;
  /** HTTP status. */
  readonly status: number;
  readonly exitCode: number;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    const record: ErrorRecord = ERROR_CODES[code];
    Object.defineProperty(this, MARKER, { value: true });
    this.code = code;
    this.hint = options.hint ?? record.hint;
    this.details = options.details ?? {};
    this.grpc = record.grpc;
    this.status = record.http ?? HTTP_STATUS[record.grpc];
    this.exitCode = record.exit;
  }

  /** Path of the page that explains the code, relative to the project. */
  get docs(): string {
    return `docs/errors/${this.code}.md`;
  }

  /** The shape that `--json` prints. */
  toJSON(): { code: ErrorCode; message: string; hint: string; docs: string; details?: ErrorDetails } {
    const base = { code: this.code, message: this.message, hint: this.hint, docs: this.docs };
    return Object.keys(this.details).length === 0 ? base : { ...base, details: this.details };
  }
}

/** True for errors of this and any other copy of the package in the process. */
export function isSkyliftError(error: unknown): error is SkyliftError {
  return typeof error === 'object' && error !== null && MARKER in error;
}

/** True when `code` is in the table; for codes that come from another process. */
export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && Object.hasOwn(ERROR_CODES, code);
}

/** Wraps anything thrown into a SkyliftError, keeping it as the cause. Errors that already are one pass through. */
export function toSkyliftError(error: unknown, code: ErrorCode = 'SKY_INTERNAL'): SkyliftError {
  if (isSkyliftError(error)) return error;
  return new SkyliftError(code, error instanceof Error ? error.message : String(error), { cause: error });
}

/** For the `default` of exhaustive switches: a new variant becomes a compile error here. */
export function unreachable(value: never): never {
  throw new SkyliftError('SKY_INTERNAL', `unreachable case ${JSON.stringify(value)}`);
}
