import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../../core/errors.ts';
import { isWorthKeeping, isWorthSplitting, planThreads } from './thread-plan.ts';

test('the profiles divide the cores as they say', () => {
  assert.deepEqual(planThreads({ profile: 'throughput' }, 8), { kind: 'fixed', engines: 8, threads: 1 });
  assert.deepEqual(planThreads({ profile: 'latency' }, 8), { kind: 'fixed', engines: 1, threads: 8 });
  assert.deepEqual(planThreads({}, 8), { kind: 'measured', cores: 8 });
  assert.deepEqual(planThreads({ threads: 4 }, 8), { kind: 'fixed', engines: 2, threads: 4 });
  assert.deepEqual(planThreads({ engines: 3 }, 8), { kind: 'fixed', engines: 3, threads: 1 });
});

test('engines x threads beyond the cores is refused and names the cores', () => {
  assert.throws(
    () => planThreads({ engines: 2, threads: 2 }, 2),
    (error) =>
      isSkyliftError(error) &&
      error.code === 'SKY_CONFIG_OVERSUBSCRIBED' &&
      error.message.includes('2 usable cores'),
  );
  assert.deepEqual(planThreads({ engines: 2, threads: 2, allowOversubscription: true }, 2), {
    kind: 'fixed',
    engines: 2,
    threads: 2,
  });
});

test('no combination over-subscribes without being told to', () => {
  const natural = fc.option(fc.integer({ min: 1, max: 64 }), { nil: undefined });
  const profile = fc.constantFrom('auto', 'throughput', 'latency');
  fc.assert(
    fc.property(
      natural,
      natural,
      profile,
      fc.integer({ min: 1, max: 64 }),
      (engines, threads, profile, cores) => {
        try {
          const plan = planThreads(
            { profile, ...(engines && { engines }), ...(threads && { threads }) },
            cores,
          );
          assert.ok(plan.kind === 'measured' || plan.engines * plan.threads <= cores);
        } catch (error) {
          assert.ok(isSkyliftError(error) && error.code === 'SKY_CONFIG_OVERSUBSCRIBED');
        }
      },
    ),
  );
});

test('whole numbers only', () => {
  for (const threads of [0, -1, 1.5, NaN]) {
    assert.throws(
      () => planThreads({ threads }, 4),
      (error) => isSkyliftError(error) && error.code === 'SKY_CONFIG_INVALID',
    );
  }
});

test('a wide engine is tried for long runs on several cores and kept when it is clearly faster', () => {
  assert.equal(isWorthSplitting(50_000, 1), false);
  assert.equal(isWorthSplitting(100, 8), false);
  assert.equal(isWorthSplitting(50_000, 8), true);
  assert.equal(isWorthKeeping(50_000, 45_000), false);
  assert.equal(isWorthKeeping(50_000, 30_000), true);
});
