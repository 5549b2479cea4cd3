import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SkyliftError, isSkyliftError } from '../../../core/errors.ts';
import type { EngineJob, EngineSink, Session } from '../../../engines/port.ts';
import { VirtualClock } from '../../../../test/support/virtual-clock.ts';
import { chooseRows, warmUp } from './warm-up.ts';

const SIGNATURE = {
  program: 'model',
  method: 'predict',
  inputs: [{ name: 'x', dtype: 'float32', dims: ['batch', 3, 'length'] }],
  outputs: [{ name: 'y', dtype: 'float32', dims: ['batch'] }],
} as const;

/** A session whose run of `rows` takes `cost(rows)` microseconds. */
function sessionOf(cost: (rows: number) => number, seen: EngineJob[] = []): Session {
  return {
    capacity: { kind: 'batch', maxRows: 1024 },
    dispatch(jobs: readonly EngineJob[], sink: EngineSink): void {
      const [job] = jobs;
      assert.ok(job);
      seen.push(job);
      queueMicrotask(() => sink.finished([job.id], cost(job.rows)));
    },
    drop: () => {},
    memory: () => Promise.resolve({ rssBytes: 0, privateBytes: undefined, anonymousBytes: undefined }),
    unload: () => Promise.resolve(),
  };
}

const measure = (session: Session, isBatched = true): ReturnType<typeof warmUp> =>
  warmUp(session, {
    signatureName: 's',
    signature: SIGNATURE,
    isBatched,
    maxRows: 32,
    budgetMs: 1000,
    clock: new VirtualClock(),
  });

test('a flat cost per run asks for the largest batch', async () => {
  assert.equal((await measure(sessionOf(() => 100))).maxRows, 32);
});

test('a cost that grows with the rows asks for single rows', async () => {
  const { maxRows, curve } = await measure(sessionOf((rows) => 100 * rows));
  assert.equal(maxRows, 1);
  assert.ok(curve.length <= 3, 'it stops soon');
});

test('a curve that falls after four asks for four', async () => {
  assert.equal((await measure(sessionOf((rows) => (rows <= 4 ? 100 : 100 * rows)))).maxRows, 4);
});

test('blank inputs fill the free dimensions: rows first, then ones', async () => {
  const seen: EngineJob[] = [];
  await measure(
    sessionOf(() => 100, seen),
    false,
  );
  assert.deepEqual(seen[0]?.inputs[0]?.dims, [1, 3, 1]);
  assert.ok(seen.every((job) => job.rows === 1));
});

test('a model that refuses blank inputs throws what the engine said', async () => {
  const refusing: Session = {
    ...sessionOf(() => 1),
    dispatch(jobs, sink) {
      for (const job of jobs) sink.fail(job.id, new SkyliftError('SKY_ENGINE_RUN', 'no'));
      sink.finished([], 1);
    },
  };
  await assert.rejects(
    measure(refusing),
    (error) => isSkyliftError(error) && error.code === 'SKY_ENGINE_RUN',
  );
});

/** Points of a curve whose trips cost `wayUs` more than the runs. */
const curveOf = (runsUs: readonly (readonly [rows: number, runUs: number])[], wayUs = 0) =>
  runsUs.map(([rows, runUs]) => ({ rows, runUs, tripUs: runUs + wayUs }));

test('the smallest batch within ten percent of the best wins', () => {
  const curve = curveOf([
    [1, 100],
    [2, 104],
    [4, 206],
  ]);
  assert.equal(chooseRows(curve).maxRows, 2);
  assert.deepEqual(chooseRows([]), { maxRows: 1, crowdRows: 1 });
});

test('a crowd gets the batch whose trips bring most, which a few rows are not made to wait for', () => {
  const runsUs = [
    [1, 9200],
    [2, 18000],
    [4, 35400],
    [8, 74600],
  ] as const;
  assert.deepEqual(chooseRows(curveOf(runsUs, 600)), { maxRows: 1, crowdRows: 4 });
  assert.deepEqual(chooseRows(curveOf([...runsUs].map(([rows]) => [rows, rows * 9200]))), {
    maxRows: 1,
    crowdRows: 1,
  });
});
