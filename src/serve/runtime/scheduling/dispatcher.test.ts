/** Tests of what the dispatcher adds to the scheduler's decisions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../../../test/support/virtual-clock.ts';
import { silentLog } from '../../../core/log.ts';
import { noMetrics } from '../../../core/metrics.ts';
import { tensor } from '../../../tensor/values.ts';
import { Dispatcher } from './dispatcher.ts';
import type { PreparedJob } from './dispatcher.ts';
import { Quarantine } from './quarantine.ts';
import { ANONYMOUS } from '../requests.ts';
import type { RunSink } from '../requests.ts';
import { RunMetrics } from '../run-metrics.ts';
import { VersionStatistics } from '../version-statistics.ts';
import { createScheduler } from './scheduler.ts';

const MINUTE_MS = 60_000;
const INPUTS = [tensor('float32', [1], [1])];
const SCHEDULING = {
  cores: 1,
  queueMaxJobs: 4,
  queueMaxWaitMs: Infinity,
  maxAttempts: 3,
  poisonKills: 2,
  runMaxBytes: 1000,
};
const CONTENT = { queue: 'm@1', signature: 's', inputs: INPUTS };

function jobWith(deadlineAtMs: number): PreparedJob {
  return {
    request: {
      id: 'r',
      principal: ANONYMOUS,
      model: 'm',
      version: { kind: 'latest' },
      signature: 's',
      inputs: new Map(),
      params: new Map(),
      deadlineAtMs,
      priority: 'interactive',
      retry: 'idempotent',
    },
    queue: CONTENT.queue,
    version: 1n,
    signatureName: CONTENT.signature,
    signature: { program: 'p', method: 'predict', inputs: [], outputs: [] },
    inputs: INPUTS,
    rows: 1,
    statistics: new VersionStatistics(),
    bucket: 'b',
  };
}

test('a quarantine ends in its time, however often the request comes again', () => {
  const clock = new VirtualClock();
  const quarantine = new Quarantine({
    clock,
    entries: 4,
    durationMs: 10 * MINUTE_MS,
    digest: (parts) => parts.join('|'),
  });
  const dispatcher = new Dispatcher({
    scheduler: createScheduler(SCHEDULING),
    clock,
    quarantine,
    metrics: new RunMetrics(noMetrics),
    log: silentLog,
    onPressure: () => {},
  });
  quarantine.add(CONTENT);
  const codes: [code: string, retryAfterMs: unknown][] = [];
  const sink: RunSink = {
    part: () => 'more',
    done: () => {},
    fail: ({ code, details }) => void codes.push([code, details['retryAfterMs']]),
  };
  for (let minute = 0; minute <= 12; minute += 4)
    clock.setTimer(minute * MINUTE_MS, () => dispatcher.submit(jobWith(clock.nowMs() + 1), sink));
  clock.run(100);
  // no engine is there: what is taken waits until its deadline
  assert.deepEqual(codes, [
    ['SKY_QUARANTINED', 10 * MINUTE_MS],
    ['SKY_QUARANTINED', 6 * MINUTE_MS],
    ['SKY_QUARANTINED', 2 * MINUTE_MS],
    ['SKY_DEADLINE_EXCEEDED', 1000],
  ]);
});

test('the caller is the tenant whose share of the engines the scheduler keeps', () => {
  const clock = new VirtualClock();
  const scheduler = createScheduler(SCHEDULING);
  const tenants: string[] = [];
  const dispatcher = new Dispatcher({
    scheduler: {
      hasRoom: () => true,
      waiting: () => 0,
      retryAfterMs: () => 0,
      step(event) {
        if (event.kind === 'arrive') tenants.push(event.job.tenant);
        return scheduler.step(event);
      },
    },
    clock,
    quarantine: new Quarantine({ clock, entries: 0, durationMs: 0, digest: String }),
    metrics: new RunMetrics(noMetrics),
    log: silentLog,
    onPressure: () => {},
  });
  const sink: RunSink = { part: () => 'more', done: () => {}, fail: () => {} };
  for (const id of ['key-one', 'key-two']) {
    const job = jobWith(1);
    dispatcher.submit({ ...job, request: { ...job.request, principal: { ...ANONYMOUS, id } } }, sink);
  }
  assert.deepEqual(tenants, ['key-one', 'key-two']);
});
