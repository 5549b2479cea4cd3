/** Reads values of flags; what does not fit is said in one sentence that ends up in SKY_USAGE. */
import { SkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { LimitName, Limits } from '../core/limits.ts';
import { parseBytes } from '../core/units.ts';

const MAX_PORT = 65_535;
const MAX_SECONDS = 86_400;
const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

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

/** A path; an empty one is a variable of a shell that is not set, and must not count as absent. */
export function parsePath(text: string): string {
  if (text !== '') return text;
  throw notFitting('it is the path of a file');
}

/** `a,b` -> its parts, none of them empty. */
export function parseList(text: string): readonly string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.every((part) => part !== '')) return parts;
  throw notFitting('it is a list: one, or several with commas between');
}

/** A time in ISO 8601 (UTC), or how long from now: 12h, 90d. The result is ISO 8601. @param nowMs since the epoch */
export function parseInstant(text: string, nowMs: number): string {
  const [, count, unit = ''] = /^(\d{1,5})([smhd])$/.exec(text) ?? [];
  const ms = count === undefined ? instantMs(text) : nowMs + Number(count) * (UNITS_MS[unit] ?? NaN);
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  throw notFitting('it is a time in UTC as 2027-01-31 or 2027-01-31T08:00Z, or 30m, 12h, 90d from now');
}

function instantMs(text: string): number {
  return /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d)?Z)?$/.test(text) ? Date.parse(text) : NaN;
}

/** `auto` or an integer of at least 1. */
export function parseAutoCount(text: string): number | 'auto' {
  return text === 'auto' ? text : parseCount(text);
}

/** `cpu` or `cuda:N`. */
export function parseDevice(text: string): 'cpu' | `cuda:${number}` {
  const gpu = /^cuda:(\d{1,4})$/.exec(text)?.[1];
  if (gpu !== undefined) return `cuda:${Number(gpu)}`;
  if (text === 'cpu') return text;
  throw notFitting('a device is cpu, or cuda:N for the N-th GPU from 0');
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
