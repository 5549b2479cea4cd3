/** Memory goes to whoever asks, at the cost of those that nobody asks for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makeRoom } from './make-room.ts';
import type { Resident } from './make-room.ts';

const resident = (version: string, bytes: number, lastUsedMs: number, isIdle = true): Resident<string> => ({
  version,
  bytes,
  lastUsedMs,
  isIdle,
});

test('without a budget, or with room, nobody has to go', () => {
  assert.deepEqual(makeRoom(1e12, [resident('a', 5, 1)], 0), { kind: 'room', sleepers: [] });
  assert.deepEqual(makeRoom(5, [resident('a', 5, 1)], 10), { kind: 'room', sleepers: [] });
});

test('the ones that nobody asked for longest go first, no more than have to', () => {
  const residents = [resident('young', 4, 30), resident('old', 3, 10), resident('middle', 3, 20)];
  assert.deepEqual(makeRoom(2, residents, 10), { kind: 'room', sleepers: ['old'] });
  assert.deepEqual(makeRoom(6, residents, 10), { kind: 'room', sleepers: ['old', 'middle'] });
  assert.deepEqual(makeRoom(11, residents, 10), { kind: 'never' });
});

test('versions in use stay, and whoever needs their memory waits', () => {
  const residents = [resident('busy', 6, 1, false), resident('idle', 4, 9)];
  assert.deepEqual(makeRoom(4, residents, 10), { kind: 'room', sleepers: ['idle'] });
  assert.deepEqual(makeRoom(5, residents, 10), { kind: 'busy' });
});

test('what is let in fits, and nobody in use is sent away', () => {
  const some = fc.array(fc.record({ bytes: fc.nat(50), lastUsedMs: fc.nat(9), isIdle: fc.boolean() }), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(fc.nat(60), some, fc.integer({ min: 1, max: 100 }), (needed, given, budget) => {
      const residents = given.map((each) => ({ ...each, version: each }));
      const room = makeRoom(needed, residents, budget);
      if (room.kind !== 'room') return;
      assert.ok(room.sleepers.every(({ isIdle }) => isIdle));
      const stay = residents.filter(({ version }) => !room.sleepers.includes(version));
      const used = stay.reduce((sum, { bytes }) => sum + bytes, 0);
      if (room.sleepers.length > 0) assert.ok(used + needed <= budget);
    }),
  );
});
