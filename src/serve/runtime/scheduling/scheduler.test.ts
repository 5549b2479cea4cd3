/** Tests of single decisions; that nothing is lost or answered twice is shown by the simulation. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createScheduler } from './scheduler.ts';
import type { JobHead, QueueRules, Scheduler, SchedulerAction } from './scheduler-types.ts';

const LIMITS = {
  cores: 2,
  queueMaxJobs: 100,
  queueMaxWaitMs: Infinity,
  maxAttempts: 3,
  poisonKills: 2,
  runMaxBytes: 1000,
};
const OFFER = { maxRows: 1, crowdRows: 4, threads: 1, runLimitMs: 1000 };

function schedulerWith(sessions: number): Scheduler {
  const scheduler = createScheduler(LIMITS);
  for (let session = 1; session <= sessions; session++)
    scheduler.step({ kind: 'up', at: 0, session, queue: 'm', offer: OFFER });
  return scheduler;
}

const HEAD: JobHead = {
  id: 0,
  queue: 'm',
  rows: 1,
  sizeBytes: 4,
  bucket: 'b',
  tenant: 't',
  priority: 'interactive',
  idempotent: true,
  deadlineAtMs: 1000,
};

function arrive(scheduler: Scheduler, first: number, count: number, queue = 'm'): void {
  for (let id = first; id < first + count; id++) arriveOne(scheduler, id, queue);
}

function arriveOne(scheduler: Scheduler, id: number, queue = 'm'): readonly SchedulerAction[] {
  return scheduler.step({ kind: 'arrive', at: 0, job: { ...HEAD, id, queue } });
}

/** Ids of the jobs that the actions refuse. */
function refused(actions: readonly SchedulerAction[]): readonly number[] {
  return actions.flatMap((action) => (action.kind === 'reject' ? [action.job] : []));
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

test('in a full queue the lower class makes way, then the tenant that has most; nobody is refused who has less', () => {
  const arrivals = fc.record({
    tenant: fc.constantFrom('flood', 'flood', 'flood', 'some', 'rare'),
    priority: fc.constantFrom<JobHead['priority']>('interactive', 'interactive', 'batch'),
    bucket: fc.constantFrom('x', 'y', null),
  });
  fc.assert(
    fc.property(fc.array(arrivals, { maxLength: 200 }), (jobs) => {
      const scheduler = createScheduler({ ...LIMITS, queueMaxJobs: 20 });
      const waiting = new Map<number, JobHead>();
      const of = ({ tenant, priority }: Pick<JobHead, 'tenant' | 'priority'>): number =>
        [...waiting.values()].filter((job) => job.tenant === tenant && job.priority === priority).length;
      for (const [id, fields] of jobs.entries()) {
        const job = { ...HEAD, ...fields, id };
        const hadRoom = scheduler.hasRoom('m', job);
        const [shed, ...more] = refused(scheduler.step({ kind: 'arrive', at: 0, job }));
        waiting.set(id, job);
        const loser = shed === undefined ? undefined : waiting.get(shed);
        assert.equal(hadRoom, shed !== id);
        if (loser) {
          assert.ok(
            [...waiting.values()].every(
              (other) => of(loser) >= of(other) || other.priority !== loser.priority,
            ),
          );
          const lowest = [...waiting.values()].some(({ priority }) => priority === 'batch')
            ? 'batch'
            : 'interactive';
          assert.equal(loser.priority, lowest);
          waiting.delete(loser.id);
        }
        assert.deepEqual(more, []);
        assert.ok(waiting.size <= 20);
      }
    }),
  );
});

/** A scheduler that has seen a backlog shrink by one row in `msPerRow`, with `left` jobs still waiting. */
function withBacklog(msPerRow: number, left: number, limits = LIMITS): { scheduler: Scheduler; now: number } {
  const scheduler = createScheduler(limits);
  const offer = { ...OFFER, crowdRows: 1 };
  scheduler.step({ kind: 'up', at: 0, session: 1, queue: 'm', offer });
  arrive(scheduler, 1, 21 + left);
  scheduler.step({ kind: 'flush', at: 0 });
  let now = 0;
  for (let run = 0; run < 20; run++) {
    now += msPerRow;
    // native code itself is quick: what slows the queue down is something else
    scheduler.step({ kind: 'finished', at: now, session: 1, ranUs: 100 });
  }
  return { scheduler, now };
}

test('how long a job would wait is told by how fast the backlog shrinks, not by what a run costs', () => {
  const { scheduler, now } = withBacklog(10, 30);
  const soon = { ...HEAD, id: 900, deadlineAtMs: now + 200 };
  const patient = { ...HEAD, id: 901, deadlineAtMs: now + 400 };
  assert.deepEqual(refused(scheduler.step({ kind: 'arrive', at: now, job: soon })), [900]);
  assert.deepEqual(refused(scheduler.step({ kind: 'arrive', at: now, job: patient })), []);
});

test('a tenant with little in the queue is not refused for what another has there', () => {
  const { scheduler, now } = withBacklog(10, 30);
  const job = { ...HEAD, id: 900, tenant: 'other', deadlineAtMs: now + 200 };
  assert.deepEqual(refused(scheduler.step({ kind: 'arrive', at: now, job })), []);
});

test('a bound on the wait refuses early whatever the deadline', () => {
  const { scheduler, now } = withBacklog(10, 30, { ...LIMITS, queueMaxWaitMs: 200 });
  const job = { ...HEAD, id: 900, deadlineAtMs: now + 100_000 };
  assert.deepEqual(refused(scheduler.step({ kind: 'arrive', at: now, job })), [900]);
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
  for (const [rules, expected] of [
    [{ maxJobs: 2 }, [3, 4]],
    [{ maxRows: 3 }, [4]],
    [{ maxRows: 0.5 }, [2, 3, 4]],
    [{}, []],
  ] as const) {
    const scheduler = schedulerWithRules({ ...rules, holdMs: 100 }, 100);
    const actions = [1, 2, 3, 4].flatMap((id) => arriveOne(scheduler, id));
    assert.deepEqual(refused(actions), expected, JSON.stringify(rules));
  }
});
