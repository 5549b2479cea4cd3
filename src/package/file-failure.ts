/** Failures of the disk as coded errors with the next step. */
import { SkyliftError, isSkyliftError, toSkyliftError } from '../core/errors.ts';

const HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free some space there.',
  EDQUOT: 'The disk quota is used up: free some space there.',
  EROFS: 'The file system is read-only: choose another directory.',
  EACCES: 'Check the permissions of the path.',
  EPERM: 'Check the permissions of the path.',
  EMFILE: 'Too many open files: raise the limit (ulimit -n).',
};

/** `ENOENT` and the like of an error of node:fs. */
export function errnoOf(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** True when the error says that nothing is at the path. */
export function isAbsence(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

/** SKY_MODEL_FORMAT_UNKNOWN for what can be opened, but is no file whose bytes stay. */
export function notRegularFile(path: string, cause?: unknown): SkyliftError {
  return new SkyliftError(
    'SKY_MODEL_FORMAT_UNKNOWN',
    `${path} is a pipe, socket or device, not a regular file`,
    { cause },
  );
}

/**
 * SKY_STORE_IO for `cannot <doing>`. Coded errors pass through; what is no failure of the system becomes SKY_INTERNAL.
 * @example fileFailure(`read ${path}`, error)
 */
export function fileFailure(doing: string, error: unknown): SkyliftError {
  const errno = errnoOf(error);
  if (isSkyliftError(error) || errno === undefined) return toSkyliftError(error);
  const reason = error instanceof Error ? error.message : errno;
  const hint = HINTS[errno];
  return new SkyliftError('SKY_STORE_IO', `cannot ${doing}: ${reason}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Throws when `signal` is aborted: its reason when that is coded, else SKY_CANCELLED. */
export function throwIfCancelled(signal: AbortSignal | undefined, doing: string): void {
  if (!signal?.aborted) return;
  if (isSkyliftError(signal.reason)) throw signal.reason;
  throw new SkyliftError('SKY_CANCELLED', `cancelled: ${doing}`, { cause: signal.reason });
}
