/** Whether loading the same files once more may end better. */
import type { ErrorCode } from '../../../core/error-codes.ts';
import type { SkyliftError } from '../../../core/errors.ts';

/** Failures of the machine or the moment; all others are in the files and stay there. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'SKY_ENGINE_LOST',
  'SKY_ENGINE_START',
  'SKY_ENGINE_TIMEOUT',
  'SKY_IMPORT_TIMEOUT',
  'SKY_STORE_IO',
  'SKY_STORE_LOCKED',
  'SKY_UNAVAILABLE',
]);

export function isWorthRetrying({ code }: SkyliftError): boolean {
  return PASSING.has(code);
}
