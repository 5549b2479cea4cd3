/** Reads values of flags; what does not fit is said in one sentence that ends up in SKY_USAGE. */
import { SkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { LimitName, Limits } from '../core/limits.ts';
import { parseBytes } from '../core/units.ts';

const MAX_PORT = 65_535;
const MAX_SECONDS = 86_400;

/** A TCP port; 0 takes a free one. */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (port <= MAX_PORT) return port;
  throw notFitting(`a port is an integer from 0 to ${MAX_PORT}`);
}

/** An integer of at least 1. */
export function parseCount(text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count >= 1) return count;
  throw notFitting('it is an integer of at least 1');
}

/** `auto` or an integer of at least 1. */
export function parseAutoCount(text: string): number | 'auto' {
  return text === 'auto' ? text : parseCount(text);
}

/** Seconds, fractions allowed, above 0 and up to a day. */
export function parseSeconds(text: string): number {
  const seconds = /^\d+(\.\d+)?s?$/.test(text) ? Number.parseFloat(text) : 0;
  if (seconds > 0 && seconds <= MAX_SECONDS) return seconds;
  throw notFitting(`it is a number of seconds above 0 and up to ${MAX_SECONDS}`);
}

/** The value of a limit in its unit: sizes take 64MiB, times and counts are integers. Its range is checked with the limits. */
export function parseLimit(name: LimitName, text: string): number {
  if (LIMITS[name].unit === 'bytes') return parseBytes(text);
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw notFitting(`it is an integer (${LIMITS[name].unit})`);
}

/** Names of all limits, in the order of the table. */
export const LIMIT_NAMES = Object.keys(LIMITS) as readonly LimitName[];

/** The limits among parsed flags. */
export function limitsIn(flags: { readonly [Name in LimitName]?: number }): Partial<Limits> {
  const given = LIMIT_NAMES.filter((name) => flags[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, flags[name]]));
}

function notFitting(rule: string): SkyliftError {
  return new SkyliftError('SKY_USAGE', rule, { hint: '' });
}
