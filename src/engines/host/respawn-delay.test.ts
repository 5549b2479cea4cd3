/** Pauses before restarts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRng } from '../../core/random.ts';
import { nextRespawnDelayMs } from './respawn-delay.ts';

const LIMITS = { respawn_backoff_ms: 100, respawn_backoff_max_ms: 10_000, respawn_quiet_ms: 60_000 };

/** Delay after `count` crashes a second apart. */
function delayAfter(count: number, seed = 1): number {
  const history = Array.from({ length: count }, (_, i) => i * 1000);
  return nextRespawnDelayMs(history, count * 1000, seededRng(seed), LIMITS);
}

test('the first crash is followed by a start at once', () => {
  assert.equal(delayAfter(0), 0);
  assert.equal(delayAfter(1), 0);
});

test('the pause doubles, less up to a half, and ends at the maximum', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), (count, seed) => {
      const fullMs = Math.min(10_000, 100 * 2 ** (count - 2));
      const delayMs = delayAfter(count, seed);
      assert.ok(delayMs > fullMs / 2 && delayMs <= fullMs, `${delayMs} of ${fullMs} ms`);
    }),
  );
});

test('a crash after a quiet time counts as the first', () => {
  const rng = seededRng(1);
  assert.equal(nextRespawnDelayMs([0, 1000, 61_000], 61_000, rng, LIMITS), 0);
  assert.equal(nextRespawnDelayMs([0, 1000, 2000], 62_000, rng, LIMITS), 0);
  assert.ok(nextRespawnDelayMs([0, 59_999], 60_000, rng, LIMITS) > 0);
});

test('the same seed gives the same pause', () => {
  assert.equal(delayAfter(5, 3), delayAfter(5, 3));
  assert.notEqual(delayAfter(5, 3), delayAfter(5, 4));
});
