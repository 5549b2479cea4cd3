import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JobQueue } from './job-queue.ts';
import type { JobHead } from './scheduler-types.ts';

let lastId = 0;
const job = (fields: Partial<JobHead> = {}): JobHead => ({
  id: ++lastId,
  queue: 'm',
  rows: 1,
  sizeBytes: 0,
  bucket: 'b',
  deadlineAtMs: 1000,
  tenant: 't',
  priority: 'interactive',
  idempotent: true,
  ...fields,
});

test('fills a run with jobs of one bucket up to the row limit', () => {
  const queue = new JobQueue();
  const [a, b, c, d] = [job({ rows: 2 }), job({ bucket: 'other' }), job({ rows: 2 }), job({ rows: 2 })];
  for (const each of [a, b, c, d]) queue.push(each);
  assert.deepEqual(queue.take(4, Infinity), [a, c]);
  assert.deepEqual(queue.take(4, Infinity), [b]);
  assert.deepEqual(queue.take(4, Infinity), [d]);
  assert.equal(queue.size, 0);
});

test('a job larger than the row limit runs alone', () => {
  const queue = new JobQueue();
  const [big, small] = [job({ rows: 100 }), job()];
  queue.push(big);
  queue.push(small);
  assert.deepEqual(queue.take(8, Infinity), [big]);
});

test('fills a run up to the byte limit; a larger job runs alone', () => {
  const queue = new JobQueue();
  const [a, b, c, d] = [60, 40, 1, 1000].map((sizeBytes) => job({ sizeBytes }));
  for (const each of [a, b, c, d]) if (each) queue.push(each);
  assert.deepEqual(queue.take(8, 100), [a, b]);
  assert.deepEqual(queue.take(8, 100), [c]);
  assert.deepEqual(queue.take(8, 100), [d]);
});

test('jobs without a bucket run alone, in the order of their first arrival', () => {
  const queue = new JobQueue();
  const [early, second, third] = [job({ bucket: null }), job({ bucket: null }), job({ bucket: null })];
  const again = [job({ bucket: null }), job({ bucket: null })];
  for (const each of [third, ...again, early, second]) queue.push(each);
  for (const next of [early, second, third, ...again]) assert.deepEqual(queue.take(8, Infinity), [next]);
});

test('no name of a bucket makes a job that runs alone share its run', () => {
  const queue = new JobQueue();
  const alone = job({ bucket: null });
  queue.push(alone);
  for (const bucket of ['', 'alone', `alone ${alone.id}`, 'null']) queue.push(job({ bucket }));
  assert.deepEqual(queue.take(8, Infinity), [alone]);
});

test('a tenant that floods the queue does not delay another by more than a run', () => {
  const queue = new JobQueue();
  for (let i = 0; i < 100; i++) queue.push(job({ tenant: 'flood' }));
  assert.equal(queue.take(10, Infinity).length, 10);
  const late = job({ tenant: 'late', bucket: 'mine' });
  queue.push(late);
  const nextRuns = [queue.take(10, Infinity), queue.take(10, Infinity)].flat();
  assert.ok(nextRuns.includes(late));
});

test('batch priority waits for interactive jobs but is not starved', () => {
  const queue = new JobQueue();
  const patient = job({ priority: 'batch', bucket: 'p' });
  queue.push(patient);
  let runs = 0;
  for (let taken: readonly JobHead[] = []; !taken.includes(patient); runs++) {
    queue.push(job());
    taken = queue.take(1, Infinity);
  }
  assert.ok(runs > 1 && runs <= 8, `${runs} runs`);
});

test('every job that was pushed and not removed is taken exactly once', () => {
  const step = fc.record({
    tenant: fc.constantFrom('a', 'b', 'c'),
    bucket: fc.constantFrom('x', 'y', null),
    priority: fc.constantFrom<'interactive' | 'batch'>('interactive', 'batch'),
    rows: fc.integer({ min: 1, max: 9 }),
    action: fc.constantFrom('push', 'push', 'push', 'remove', 'take'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const queue = new JobQueue();
      const waiting = new Set<number>();
      const takeOne = (): void => {
        for (const { id } of queue.take(8, Infinity))
          assert.ok(waiting.delete(id), `job ${id} was taken twice or after its removal`);
      };
      for (const { action, ...fields } of steps) {
        const [oldest] = waiting;
        if (action === 'take') takeOne();
        else if (action === 'remove' && oldest !== undefined)
          assert.equal(queue.remove(oldest), waiting.delete(oldest));
        else {
          const head = job(fields);
          queue.push(head);
          waiting.add(head.id);
        }
        assert.equal(queue.size, waiting.size);
      }
      while (queue.size > 0) takeOne();
      assert.equal(waiting.size, 0);
      assert.equal(queue.rows, 0);
    }),
  );
});
