import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { latencySummary, median, percentile, ratioOfRounds } from './statistics.ts';

/** No clock gives -0, which sorts beside 0 in either order. */
const measured = fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((value) => (value === 0 ? 0 : value));
const values = fc.array(measured, { minLength: 1, maxLength: 50 });
const positive = fc.double({ min: 1e-3, max: 1e6, noNaN: true });

test('a percentile is one of the values, with enough of them at or below it', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
      const result = percentile(list, percent);
      const share = list.filter((value) => value <= result).length / list.length;
      assert.ok(list.includes(result));
      assert.ok(share * 100 >= percent - 1e-9);
    }),
  );
});

test('no smaller value would do as a percentile', () => {
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 100 }), (list, percent) => {
      const result = percentile(list, percent);
      const below = list.filter((value) => value < result).length;
      assert.ok((below / list.length) * 100 < percent);
    }),
  );
});

test('the order of values does not matter', () => {
  fc.assert(
    fc.property(values, (list) => {
      assert.deepEqual(latencySummary(list.toReversed()), latencySummary(list));
      assert.equal(median(list.toReversed()), median(list));
    }),
  );
});

test('the median of an even number of values is the mean of the middle two', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([9, 1, 5]), 5);
});

test('a ratio of rounds turns over with its sides', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(positive, positive), { minLength: 1, maxLength: 9 }), (rounds) => {
      const [a, b] = [rounds.map(([first]) => first), rounds.map(([, second]) => second)];
      const forth = ratioOfRounds(a, b);
      const back = ratioOfRounds(b, a);
      assert.ok(Math.abs(forth.ratio * back.ratio - 1) < 1e-9);
      assert.ok(forth.lowest <= forth.highest);
      assert.equal(forth.rounds.length, rounds.length);
    }),
  );
});

test('statistics of nothing are refused', () => {
  const refused = { code: 'SKY_CONFIG_INVALID' };
  assert.throws(() => median([]), refused);
  assert.throws(() => percentile([1], 101), refused);
  assert.throws(() => ratioOfRounds([1, 2], [1]), refused);
});
