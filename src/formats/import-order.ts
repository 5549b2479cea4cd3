/** What passes between the importer and its process: an order as its argument, an outcome as its only line of output. */
import { isErrorCode, SkyliftError } from '../core/errors.ts';
import type { ImportSource } from './import-model.ts';

export interface ImportOrder extends ImportSource {
  /** Directory of the package store. */
  readonly storeDir: string;
}

/** The folder of the package in the store, or why there is none. */
export type ImportOutcome = { readonly dir: string } | { readonly error: ReturnType<SkyliftError['toJSON']> };

/** Reads the outcome's line: the folder of the package. Throws the error in it, or SKY_IMPORT_FAILED for anything else. */
export function parseOutcome(line: string): string {
  const outcome = parseObject(line);
  const dir = outcome['dir'];
  if (typeof dir === 'string') return dir;
  throw rebuildError(outcome['error']);
}

function rebuildError(value: unknown): SkyliftError {
  const { code, message, hint } = asObject(value);
  if (!isErrorCode(code) || typeof message !== 'string')
    return new SkyliftError('SKY_IMPORT_FAILED', 'the import process gave an outcome that cannot be read');
  return new SkyliftError(code, message, typeof hint === 'string' ? { hint } : {});
}

function parseObject(line: string): Readonly<Record<string, unknown>> {
  try {
    return asObject(JSON.parse(line));
  } catch {
    return {};
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
