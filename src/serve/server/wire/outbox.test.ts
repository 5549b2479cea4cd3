/** Tests of deferred replies. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { systemClock } from '../../../core/clock.ts';
import { Outbox } from './outbox.ts';

describe('outbox', () => {
  test('writes nothing before the end of the turn, then everything in order, with one callback', () => {
    const ends: (() => void)[] = [];
    const outbox = new Outbox({ ...systemClock, endOfTurn: (fn) => void ends.push(fn) });
    const written: number[] = [];
    for (const i of [1, 2, 3]) outbox.add({ flush: () => void written.push(i) });
    assert.deepEqual([written, ends.length], [[], 1]);
    ends[0]?.();
    assert.deepEqual(written, [1, 2, 3]);
  });

  test('what is added while writing waits for the next turn', () => {
    const ends: (() => void)[] = [];
    const outbox = new Outbox({ ...systemClock, endOfTurn: (fn) => void ends.push(fn) });
    const written: string[] = [];
    outbox.add({
      flush: () => {
        written.push('first');
        outbox.add({ flush: () => void written.push('second') });
      },
    });
    ends.shift()?.();
    assert.deepEqual(written, ['first']);
    ends.shift()?.();
    assert.deepEqual(written, ['first', 'second']);
  });
});
