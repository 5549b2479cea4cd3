/** Silence of idle engines. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { SilenceWatch } from './silence-watch.ts';

/** Watches for `forMs`; `hears` and `busy` say what happens at a time. Returns when silence was noticed. */
function watch(forMs: number, hears: (atMs: number) => boolean, busy: (atMs: number) => boolean): number[] {
  const clock = new VirtualClock();
  const noticed: number[] = [];
  const silence = new SilenceWatch({
    clock,
    limits: { heartbeat_ms: 10, heartbeat_missed_ms: 50 },
    isBusy: () => busy(clock.nowMs()),
    onSilence: () => {
      noticed.push(clock.nowMs());
      silence.stop();
    },
  });
  for (let atMs = 1; atMs < forMs; atMs++)
    clock.setTimer(atMs, () => {
      if (hears(atMs)) silence.heard();
    });
  clock.setTimer(forMs, () => silence.stop());
  clock.run(10_000);
  return noticed;
}

const always = (): boolean => true;
const never = (): boolean => false;

test('an idle engine that says nothing is noticed', () => {
  assert.deepEqual(watch(200, never, never), [50]);
});

test('an engine that is heard is left alone', () => {
  assert.deepEqual(
    watch(200, (atMs) => atMs % 37 === 0, never),
    [],
  );
});

test('a busy engine may be silent, and the silence counts from the end of its work', () => {
  assert.deepEqual(watch(200, never, always), []);
  assert.deepEqual(
    watch(200, never, (atMs) => atMs < 95),
    [140],
  );
});
