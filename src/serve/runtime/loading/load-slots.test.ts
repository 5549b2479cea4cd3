import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../../test/support/virtual-clock.ts';
import { LoadSlots } from './load-slots.ts';

/** Lets promises settle. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('no more loads run at a time than there are slots, in the order in which they came', async () => {
  const slots = new LoadSlots(2, new VirtualClock());
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const loads = [1, 2, 3, 4].map((load) =>
    slots.run(() => {
      begun.push(load);
      return new Promise<void>((resolve) => ends.push(resolve));
    }),
  );
  await settle();
  assert.deepEqual(begun, [1, 2]);
  ends[1]?.();
  await settle();
  assert.deepEqual(begun, [1, 2, 3]);
  ends[0]?.();
  ends[2]?.();
  await settle();
  ends[3]?.();
  await Promise.all(loads);
  assert.deepEqual(begun, [1, 2, 3, 4]);
});

test('a load that hangs holds its slot for a while only, and gives it on once', async () => {
  const clock = new VirtualClock();
  const slots = new LoadSlots(1, clock);
  let end: () => void = () => {};
  const hanging = slots.run(() => new Promise<void>((resolve) => (end = resolve)));
  let running = 0;
  let most = 0;
  const others = [1, 2, 3].map(() =>
    slots.run(async () => {
      most = Math.max(most, ++running);
      await settle();
      running--;
    }),
  );
  await settle();
  assert.equal(most, 0);
  clock.run(10);
  await Promise.all(others);
  end();
  await hanging;
  assert.equal(most, 1);
});

test('a load that fails gives its slot on, and after the end nothing begins', async () => {
  const slots = new LoadSlots(1, new VirtualClock());
  const failing = slots.run(() => Promise.reject(new Error('no')));
  const waiting = slots.run(async () => 7);
  await assert.rejects(failing, /no/);
  assert.equal(await waiting, 7);
  slots.close();
  await assert.rejects(
    slots.run(async () => 8),
    { code: 'SKY_DRAINING' },
  );
});
