/** Version numbers as they stand in folder names and references: non-negative int64 decimals. */

const CANONICAL_DECIMAL = /^(?:0|[1-9][0-9]{0,18})$/;
const DECIMAL = /^[0-9]{1,19}$/;
const MAX_VERSION = 2n ** 63n - 1n;

/** `7` -> 7n; undefined for everything that is not canonical (`007`, `1.0`, `-1`) or beyond int64. */
export function parseVersion(text: string): bigint | undefined {
  if (!CANONICAL_DECIMAL.test(text)) return undefined;
  const version = BigInt(text);
  return version <= MAX_VERSION ? version : undefined;
}

/** As `parseVersion`, but leading zeros do not count, as in TensorFlow Serving: `007` -> 7n. */
export function parseVersionFolder(name: string): bigint | undefined {
  return DECIMAL.test(name) ? parseVersion(String(BigInt(name))) : undefined;
}
