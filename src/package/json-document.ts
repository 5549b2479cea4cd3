/** Small JSON files from outside: bounded before they are parsed, and nothing in them is dropped without a word. */
import { isSkyliftError } from '../core/errors.ts';
import type { SkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { measureJson } from './json-bounds.ts';

/** Makes the error of a problem, such as `has 7 values, more than 5`. */
export type RefuseDocument = (problem: string, cause?: unknown) => SkyliftError;

/** The value in `bytes` (UTF-8). Throws what `refuse` makes; the parser's own words, which quote the text, are its cause. */
export function parseDocument(bytes: Uint8Array, maxValues: number, refuse: RefuseDocument): unknown {
  const maxDepth = LIMITS.max_json_depth.default;
  const { values, depth } = measureJson(bytes);
  if (depth > maxDepth) throw refuse(`is nested ${depth} deep, more than ${maxDepth} (max_json_depth)`);
  if (values > maxValues) throw refuse(`has ${values} values, more than ${maxValues}`);
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return JSON.parse(text, (key, value: unknown) => {
      // a schema check would drop it without a word
      if (key === '__proto__') throw refuse('the name "__proto__" is reserved');
      return value;
    });
  } catch (error) {
    if (isSkyliftError(error)) throw error;
    throw refuse('is not JSON in UTF-8', error);
  }
}

/** `['files', 3, 'sha256']` -> `files[3].sha256`; `the document` for its root. */
export function documentPath(path: readonly PropertyKey[]): string {
  const joined = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('');
  return joined === '' ? 'the document' : joined.replace(/^\./, '');
}
