/** Numbers for people: bytes and durations, both ways. */
import { SkyliftError } from './errors.ts';

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `862415` -> `842.2 KiB`. */
export function formatBytes(sizeBytes: number): string {
  let value = sizeBytes;
  let unit = 0;
  while (value >= 1024 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

const LEAST_SHOWN_AS_SECONDS_MS = 999.5; // three digits of it are 1000

/** `0.4` -> `0.40 ms`, `1234` -> `1.23 s`. */
export function formatMs(durationMs: number): string {
  return durationMs < LEAST_SHOWN_AS_SECONDS_MS
    ? `${durationMs.toPrecision(3)} ms`
    : `${(durationMs / 1000).toFixed(2)} s`;
}

/** `64MiB`, `64M`, `67108864` -> bytes. K, M, G mean powers of 1024. Throws SKY_CONFIG_INVALID. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  if (!match)
    throw new SkyliftError('SKY_CONFIG_INVALID', `"${text}" is not a size in bytes`, {
      hint: 'Write a number with an optional unit: 64MiB, 2GiB, 1048576.',
    });
  const power = ['', 'K', 'M', 'G', 'T'].indexOf((match[2] ?? '').toUpperCase());
  return Math.round(Number(match[1]) * 1024 ** power);
}
