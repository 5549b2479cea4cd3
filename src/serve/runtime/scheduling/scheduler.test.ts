/** Tests of single decisions; that nothing is lost or answered twice is shown by the simulation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createScheduler } from './scheduler.ts';
import type { QueueRules, Scheduler, SchedulerAction } from './scheduler-types.ts';

const LIMITS = { cores: 2, queueMaxJobs: 100, maxAttempts: 3, poisonKills: 2, runMaxBytes: 1000 };
const OFFER = { maxRows: 1, crowdRows: 4, threads: 1, runLimitMs: 1000 };

function schedulerWith(sessions: number): Scheduler {
  const scheduler = createScheduler(LIMITS);
  for (let session = 1; session <= sessions; session++)
    scheduler.step({ kind: 'up', at: 0, session, queue: 'm', offer: OFFER });
  return scheduler;
}

function arrive(scheduler: Scheduler, first: number, count: number, queue = 'm'): void {
  for (let id = first; id < first + count; id++) arriveOne(scheduler, id, queue);
}

function arriveOne(scheduler: Scheduler, id: number, queue = 'm'): readonly SchedulerAction[] {
  return scheduler.step({
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

function schedulerWithRules(rules: QueueRules, maxRows: number): Scheduler {
  const scheduler = createScheduler(LIMITS);
  const offer = { ...OFFER, maxRows, crowdRows: maxRows, rules };
  scheduler.step({ kind: 'up', at: 0, session: 1, queue: 'm', offer });
  return scheduler;
}

test('a run that is not full waits as long as its queue says, and not a moment for nothing', () => {
  const scheduler = schedulerWithRules({ holdMs: 5 }, 4);
  const held = [...arriveOne(scheduler, 1), ...arriveOne(scheduler, 2)];
  held.push(...scheduler.step({ kind: 'flush', at: 0 }));
  assert.deepEqual(runs(held), []);
  assert.deepEqual(
    held.filter(({ kind }) => kind === 'alarmAt'),
    [{ kind: 'alarmAt', at: 5 }],
  );
  assert.deepEqual(runs(scheduler.step({ kind: 'alarm', at: 5 })), [2]);
  const full = schedulerWithRules({ holdMs: 5 }, 4);
  arrive(full, 1, 4);
  assert.deepEqual(runs(full.step({ kind: 'flush', at: 0 })), [4], 'a full run goes at once');
});

test('a queue refuses what its rules have no room for, but never the only job', () => {
  for (const [rules, refused] of [
    [{ maxJobs: 2 }, [3, 4]],
    [{ maxRows: 3 }, [4]],
    [{ maxRows: 0.5 }, [2, 3, 4]],
    [{}, []],
  ] as const) {
    const scheduler = schedulerWithRules({ ...rules, holdMs: 100 }, 100);
    const actions = [1, 2, 3, 4].flatMap((id) => arriveOne(scheduler, id));
    const rejected = actions.flatMap((action) => (action.kind === 'reject' ? [action.job] : []));
    assert.deepEqual(rejected, refused, JSON.stringify(rules));
  }
});
