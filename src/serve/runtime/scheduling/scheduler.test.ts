/** Tests of single decisions; that nothing is lost or answered twice is shown by the simulation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createScheduler } from './scheduler.ts';
import type { Scheduler, SchedulerAction } from './scheduler-types.ts';

const LIMITS = { cores: 2, queueMaxJobs: 100, maxAttempts: 3, poisonKills: 2, runMaxBytes: 1000 };
const OFFER = { maxRows: 1, crowdRows: 4, threads: 1, runLimitMs: 1000 };

function schedulerWith(sessions: number): Scheduler {
  const scheduler = createScheduler(LIMITS);
  for (let session = 1; session <= sessions; session++)
    scheduler.step({ kind: 'up', at: 0, session, queue: 'm', offer: OFFER });
  return scheduler;
}

function arrive(scheduler: Scheduler, first: number, count: number, queue = 'm'): void {
  for (let id = first; id < first + count; id++)
    scheduler.step({
      kind: 'arrive',
      at: 0,
      job: {
        id,
        queue,
        rows: 1,
        sizeBytes: 4,
        bucket: 'b',
        tenant: 't',
        priority: 'interactive',
        idempotent: true,
        deadlineAtMs: 1000,
      },
    });
}

/** Rows of the runs that the actions start. */
function runs(actions: readonly SchedulerAction[]): readonly number[] {
  return actions.flatMap((action) => (action.kind === 'dispatch' ? [action.rows] : []));
}

test('a crowd runs in large batches, a few rows in those that do not make them wait', () => {
  for (const [count, rows] of [
    [3, 1],
    [4, 4],
    [9, 4],
  ] as const) {
    const scheduler = schedulerWith(1);
    arrive(scheduler, 1, count);
    assert.deepEqual(runs(scheduler.step({ kind: 'flush', at: 0 })), [rows], `${count} wait`);
  }
});

test('it is a crowd only when every session can have a large run', () => {
  const scheduler = schedulerWith(2);
  arrive(scheduler, 1, 6);
  assert.deepEqual(runs(scheduler.step({ kind: 'flush', at: 0 })), [1, 1]);
  arrive(scheduler, 7, 2);
  assert.deepEqual(
    runs(scheduler.step({ kind: 'finished', at: 1, session: 1, ranUs: 1 })),
    [1],
    '6 wait, 1 runs',
  );
  arrive(scheduler, 9, 2);
  assert.deepEqual(runs(scheduler.step({ kind: 'finished', at: 2, session: 1, ranUs: 1 })), [4]);
  assert.deepEqual(
    runs(scheduler.step({ kind: 'finished', at: 3, session: 2, ranUs: 1 })),
    [1],
    '3 are left',
  );
});

test('what a queue had while others were idle is not held against it, nor for a queue that comes later', () => {
  const scheduler = createScheduler({ ...LIMITS, cores: 1 });
  const offer = { ...OFFER, crowdRows: 1 };
  for (const [session, queue] of [
    [1, 'late'],
    [2, 'old'],
  ] as const)
    scheduler.step({ kind: 'up', at: 0, session, queue, offer });
  let nextId = 1;
  const running: number[] = [];
  const step = (event: Parameters<Scheduler['step']>[0]): void => {
    for (const action of scheduler.step(event)) if (action.kind === 'dispatch') running.push(action.session);
  };
  const finish = (): void => step({ kind: 'finished', at: 0, session: running.at(-1) ?? 0, ranUs: 100 });
  for (let i = 0; i < 100; i++) {
    arrive(scheduler, nextId++, 1, 'old');
    step({ kind: 'flush', at: 0 });
    finish();
  }
  running.length = 0;
  for (const queue of ['late', 'old']) {
    arrive(scheduler, nextId, 20, queue);
    nextId += 20;
  }
  step({ kind: 'flush', at: 0 });
  for (let i = 0; i < 20; i++) finish();
  const runsOfOld = running.filter((session) => session === 2).length;
  assert.ok(runsOfOld >= 9 && runsOfOld <= 12, `${runsOfOld} of ${running.length} runs`);
});

test('a session that is retired finishes its run, gets no other, and is let go once', () => {
  const scheduler = schedulerWith(2);
  const isRetired = (actions: readonly SchedulerAction[]): boolean =>
    actions.some(({ kind }) => kind === 'retired');
  arrive(scheduler, 1, 2);
  scheduler.step({ kind: 'flush', at: 0 });
  assert.equal(isRetired(scheduler.step({ kind: 'retire', at: 1, session: 1 })), false, 'it runs');
  arrive(scheduler, 3, 4);
  const finished = scheduler.step({ kind: 'finished', at: 2, session: 1, ranUs: 1 });
  assert.equal(isRetired(finished), true);
  assert.deepEqual(runs(finished), [], 'the other one is busy');
  const dispatched = scheduler.step({ kind: 'finished', at: 3, session: 2, ranUs: 1 });
  assert.ok(dispatched.every((action) => action.kind !== 'dispatch' || action.session === 2));
  assert.equal(isRetired(scheduler.step({ kind: 'retire', at: 4, session: 1 })), false, 'twice');
  assert.equal(isRetired(scheduler.step({ kind: 'retire', at: 4, session: 99 })), false, 'unknown');
});

test('a free session that is retired is let go at once', () => {
  const actions = schedulerWith(1).step({ kind: 'retire', at: 0, session: 1 });
  assert.deepEqual(actions[0], { kind: 'retired', session: 1 });
});
