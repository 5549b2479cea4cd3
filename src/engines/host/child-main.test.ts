/** What engine processes do beyond the contract: streams, slots, dropped jobs, parameters, the end of their front. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SLOTS, echoLauncher, echoPackage } from '../../../test/support/echo-engine.ts';
import { floats, numbersOf, recordingSink, runJobs } from '../../../test/support/engine-runs.ts';
import { systemClock } from '../../core/clock.ts';
import { resolveLimits } from '../../core/limits.ts';
import { silentLog } from '../../core/log.ts';
import type { Engine, EngineJob, Session } from '../port.ts';
import { ownMemory, parseSmapsRollup } from './child-memory.ts';

const SPECS = [{ name: 'x', dtype: 'float32', dims: ['batch'] }] as const;

const ECHO_ENTRY = fileURLToPath(new URL('../../../test/support/echo-engine-main.ts', import.meta.url));

let engine: Engine;
let batches: Session;
let slots: Session;

before(async () => {
  engine = await echoLauncher({ clock: systemClock, log: silentLog, limits: resolveLimits() }).launch({
    memoryBytes: 2 ** 32,
  });
  batches = await engine.load({ pkg: echoPackage(SPECS), device: 'cpu', threads: 1 });
  slots = await engine.load({ pkg: echoPackage(SPECS, SLOTS), device: 'cpu', threads: 1 });
});
after(() => engine.close());

type ParamValues = Record<string, string | bigint | number | boolean>;

function job(id: number, params: ParamValues = {}, ...values: number[]): EngineJob {
  const numbers = values.length === 0 ? [id] : values;
  return {
    id,
    signature: 'serving_default',
    rows: numbers.length,
    inputs: [floats(...numbers)],
    params: new Map(Object.entries(params)),
  };
}

test('sessions say what they can take', () => {
  assert.deepEqual(batches.capacity, { kind: 'batch', maxRows: 128 });
  assert.deepEqual(slots.capacity, { kind: 'slots', slots: 4 });
});

test('a stream gives its parts, then its outputs', async () => {
  const record = await runJobs(slots, [job(3, { parts: 2 })]);
  assert.deepEqual(record.calls, ['part 3', 'part 3', 'done 3', 'finished 3']);
  assert.deepEqual(
    record.parts.map(([part]) => numbersOf(part)),
    [[3], [3]],
  );
});

test('a dropped stream stops', async () => {
  const { sink, record, firstPart, finished } = recordingSink();
  slots.dispatch([job(1, { parts: 1_000_000, delayMs: 1 })], sink);
  await firstPart;
  slots.drop(1);
  const before = record.calls.length;
  await finished;
  assert.deepEqual(record.calls.slice(before), ['finished 1']);
});

test('jobs keep their ids, however many there have been before', async () => {
  const many = 2 ** 32 + 5;
  const { calls } = await runJobs(batches, [job(many, {}, 1), job(many + 1, {}, 2)]);
  assert.deepEqual(calls, [`done ${many}`, `done ${many + 1}`, `finished ${many},${many + 1}`]);
  const { sink, record, finished } = recordingSink();
  const first = runJobs(batches, [job(1, { delayMs: 20 })]);
  batches.dispatch([job(many, { crash: 9 }, 1)], sink);
  batches.drop(many);
  await finished;
  assert.deepEqual(record.calls, [`finished ${many}`]);
  await first;
});

test('slots work at the same time, a fast job overtakes a slow one', async () => {
  const { sink, record, finished } = recordingSink();
  const slow = runJobs(slots, [job(1, { delayMs: 30 }), job(2)]);
  slots.dispatch([job(3)], sink);
  await finished;
  assert.deepEqual(record.calls, ['done 3', 'finished 3']);
  assert.deepEqual((await slow).calls, ['done 2', 'done 1', 'finished 1,2']);
});

test('batches run one after the other', async () => {
  const order: number[] = [];
  const run = async (id: number, params: ParamValues): Promise<void> => {
    await runJobs(batches, [job(id, params)]);
    order.push(id);
  };
  await Promise.all([run(1, { delayMs: 20 }), run(2, {})]);
  assert.deepEqual(order, [1, 2]);
});

test('a batch that was dropped before its turn is not run', async () => {
  const { sink, record, finished } = recordingSink();
  const first = runJobs(batches, [job(1, { delayMs: 20 })]);
  batches.dispatch([job(2, { crash: 9 })], sink);
  batches.drop(2);
  await finished;
  assert.deepEqual(record.calls, ['finished 2']);
  assert.deepEqual((await first).calls, ['done 1', 'finished 1']);
});

test('parameters of any type reach the native part, each job its own', async () => {
  const jobs = [
    job(1),
    job(2, { error: 'asked for' }),
    job(3, { delayMs: 1n, error: 2n ** 63n }),
    job(4, { delayMs: 1 }),
  ];
  const { calls, errors } = await runJobs(batches, jobs);
  assert.deepEqual(calls, ['done 1', 'fail 2', 'fail 3', 'done 4', 'finished 1,2,3,4']);
  assert.equal(errors.get(2)?.message, 'asked for');
  assert.equal(errors.get(3)?.message, '9223372036854775808');
});

test('time of a run is that of the native part', async () => {
  const { ranUs } = await runJobs(batches, [job(1, { delayMs: 30 })]);
  assert.ok(ranUs >= 28_000 && ranUs < 2_000_000, `${ranUs} µs`);
});

test('an exit in a run is a crash with its code', async () => {
  const other = await echoLauncher({ clock: systemClock, log: silentLog, limits: resolveLimits() }).launch({
    memoryBytes: 2 ** 32,
  });
  const session = await other.load({ pkg: echoPackage(SPECS), device: 'cpu', threads: 1 });
  const { sink, record } = recordingSink();
  session.dispatch([job(1, { crash: 7 })], sink);
  const { kind, reason } = await other.exited;
  assert.deepEqual({ kind, reason }, { kind: 'crashed', reason: 'exit code 7' });
  assert.deepEqual(record.calls, []);
});

test('a dispatch or a result beyond the frame limit fails, and the session goes on', async () => {
  const limits = resolveLimits({ max_frame_bytes: 4096 });
  const launcher = echoLauncher({ clock: systemClock, log: silentLog, limits });
  const small = await launcher.launch({ memoryBytes: 2 ** 32 });
  const session = await small.load({ pkg: echoPackage(SPECS), device: 'cpu', threads: 1 });
  const values = Array.from({ length: 2000 }, (_, i) => i);
  assert.throws(() => session.dispatch([job(1, {}, ...values)], recordingSink().sink), {
    code: 'SKY_REQUEST_TOO_LARGE',
  });
  const { calls, errors } = await runJobs(session, [job(1, { grow: 2000 }), job(2)]);
  assert.deepEqual(calls, ['fail 1', 'done 2', 'finished 1,2']);
  assert.equal(errors.get(1)?.code, 'SKY_REQUEST_TOO_LARGE');
  await small.close();
});

test('an engine ends when its front is gone', { timeout: 5000 }, async () => {
  const front = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { spawnLimited } from ${JSON.stringify(new URL('../../core/child-process.ts', import.meta.url).href)};
       const child = spawnLimited({ entry: ${JSON.stringify(ECHO_ENTRY)}, args: ['1000', '100000'], memoryBytes: 2 ** 32, channel: true });
       child.stdio[3].once('data', () => { console.log(child.pid); process.exit(0); });`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [line] = (await once(front.stdout, 'data')) as [Buffer];
  const pid = Number(line.toString());
  assert.ok(pid > 0);
  while (isAlive(pid)) await sleep(10); // the test runner's time limit ends a loop that does not
});

/** A process that nobody has reaped yet is dead, too. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

test('memory is read from smaps_rollup', () => {
  const text = 'Rss:              2048 kB\nPss:    1 kB\nPrivate_Clean:   8 kB\nPrivate_Dirty:  1000 kB\n';
  const swapped = 'Anonymous:   900 kB\nSwap:   100 kB\nSwapPss:   50 kB\n';
  assert.deepEqual(parseSmapsRollup(text + swapped), {
    rssBytes: 2048 * 1024,
    privateBytes: 1008 * 1024,
    anonymousBytes: 1000 * 1024,
  });
});

test('the memory of this process is told', () => {
  const { rssBytes } = ownMemory();
  assert.ok(rssBytes > 2 ** 20 && rssBytes < 2 ** 36, `${rssBytes} bytes`);
});
