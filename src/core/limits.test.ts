/** Tests of the one place where limits are checked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedValues, LIMITS, resolveLimits } from './limits.ts';
import type { Limit } from './limits.ts';

const entries: readonly [string, Limit][] = Object.entries(LIMITS);

const refused = (overrides: Readonly<Record<string, unknown>>, message: RegExp): void =>
  assert.throws(() => resolveLimits(overrides), { code: 'SKY_CONFIG_INVALID', message });

test('every default, least and greatest value is allowed', () => {
  for (const [name, { default: value, min, max }] of entries)
    for (const allowed of [value, min, max]) {
      const missed = { heartbeat_missed_ms: LIMITS.heartbeat_missed_ms.max, ...bodies(name) };
      const beside = name === 'heartbeat_ms' && allowed === max ? { [name]: max - 1 } : { [name]: allowed };
      if (name !== 'heartbeat_missed_ms') assert.doesNotThrow(() => resolveLimits({ ...missed, ...beside }));
    }
});

/** Room for the greatest body, and no body that the least room does not hold. */
function bodies(name: string): Readonly<Record<string, number>> {
  if (name === 'max_body_bytes') return { max_inflight_bytes: LIMITS.max_inflight_bytes.max };
  return name === 'max_inflight_bytes' ? { max_body_bytes: LIMITS.max_body_bytes.min } : {};
}

test('a value beside its range is refused with the limit, the value and what is allowed', () => {
  for (const [name, entry] of entries) {
    const range = allowedValues(entry).replaceAll(/[()]/g, '.');
    for (const value of [entry.min - 1, entry.max + 1].filter((each) => each !== 0 || !entry.isAutoAtZero))
      refused({ [name]: value }, new RegExp(`^${name} = ${value}; allowed: ${range}$`));
  }
});

test('what is no whole number is refused', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 300.5, '300', null, undefined])
    refused({ max_body_bytes: value }, /^max_body_bytes = \S+; allowed: 256 to 4294967296 bytes$/);
});

test('0 lets the product choose where it can', () => {
  const { run_limit_ms, engine_memory_bytes } = resolveLimits({ run_limit_ms: 0, engine_memory_bytes: 0 });
  assert.deepEqual([run_limit_ms, engine_memory_bytes], [0, 0]);
  refused({ engine_memory_bytes: 1 }, /allowed: 0 \(chosen\), or at least 1073741824 bytes$/);
});

test('a limit that does not exist is refused by its name', () => {
  refused({ max_bdy_bytes: 300 }, /^there is no limit "max_bdy_bytes"$/);
  refused({ toString: 300 }, /^there is no limit "toString"$/);
});

test('an engine must have the time to give more than one sign of life', () => {
  refused({ heartbeat_ms: 10_000 }, /^heartbeat_missed_ms = 10000 is not more than heartbeat_ms = 10000/);
  assert.equal(resolveLimits({ heartbeat_ms: 9_999 }).heartbeat_ms, 9_999);
});

test('a body must have room among those that the server holds', () => {
  refused({ max_inflight_bytes: 1024 }, /^max_body_bytes = 67108864 is more than max_inflight_bytes = 1024/);
  assert.equal(resolveLimits({ max_inflight_bytes: 1024, max_body_bytes: 1024 }).max_body_bytes, 1024);
});
