/** Takes the answers of a server apart. Every function throws SKY_REMOTE for a value of another form. */
import { SkyliftError } from '../core/errors.ts';

const SHOWN_CHARS = 80;

/** A member that has to be there. */
export function member(value: unknown, key: string): unknown {
  const found = optionalMember(value, key);
  if (found === undefined) throw strange(`object with "${key}"`, value);
  return found;
}

export function optionalMember(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? Reflect.get(value, key)
    : undefined;
}

export function entries(value: unknown): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw strange('object', value);
}

export function list(value: unknown, what = 'list'): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw strange(what, value);
}

export function string(value: unknown): string {
  if (typeof value === 'string') return value;
  throw strange('string', value);
}

export function number(value: unknown): number {
  if (typeof value === 'number') return value;
  throw strange('number', value);
}

/** int64 travels as text. */
export function integer(value: unknown): bigint {
  if (typeof value === 'string' && /^-?\d{1,19}$/.test(value)) return BigInt(value);
  throw strange('integer', value);
}

/** SKY_REMOTE for a value of another form than `wanted`. */
export function strange(wanted: string, value: unknown): SkyliftError {
  const shown = (JSON.stringify(value) ?? 'nothing').slice(0, SHOWN_CHARS);
  return new SkyliftError(
    'SKY_REMOTE',
    `the answer of the server has another form: ${shown} where a ${wanted} is due`,
  );
}
