import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRng } from './random.ts';

const take = (seed: number, count = 1000): number[] => {
  const rng = seededRng(seed);
  return Array.from({ length: count }, () => rng.float());
};

test('the same seed gives the same numbers, another seed gives others', () => {
  assert.deepEqual(take(7), take(7));
  assert.notDeepEqual(take(7), take(8));
});

test('numbers are spread over [0, 1)', () => {
  const values = take(1, 10_000);
  assert.ok(values.every((value) => value >= 0 && value < 1));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  assert.ok(Math.abs(mean - 0.5) < 0.02, `mean ${mean}`);
});

test('a fork depends on its label and not on what was drawn before', () => {
  const [fresh, used] = [seededRng(3), seededRng(3)];
  used.u32();
  assert.equal(fresh.fork('a').u32(), used.fork('a').u32());
  assert.notEqual(fresh.fork('a').u32(), fresh.fork('b').u32());
});
