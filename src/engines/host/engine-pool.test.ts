/** Pools: engines come back after crashes, at once first and later and later then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { echoPackage } from '../../../test/support/echo-engine.ts';
import { VirtualClock } from '../../../test/support/virtual-clock.ts';
import { SkyliftError } from '../../core/errors.ts';
import { resolveLimits } from '../../core/limits.ts';
import { silentLog } from '../../core/log.ts';
import { seededRng } from '../../core/random.ts';
import type { Engine, EngineLauncher, ExitReport, LoadSpec, Session } from '../port.ts';
import { EnginePool } from './engine-pool.ts';
import type { PackedForm } from './engine-pool.ts';

/** An engine that does nothing but live and die. */
class FakeEngine implements Engine {
  readonly id: number;
  readonly pid: number;
  readonly exited: Promise<ExitReport>;
  readonly end: (report: ExitReport) => void;
  readonly #load: (spec: LoadSpec) => Promise<Session>;

  constructor(id: number, load: (spec: LoadSpec) => Promise<Session>) {
    this.id = id;
    this.pid = 1000 + id;
    this.#load = load;
    const { promise, resolve } = Promise.withResolvers<ExitReport>();
    this.exited = promise;
    this.end = resolve;
  }

  load(spec: LoadSpec): Promise<Session> {
    return this.#load(spec);
  }

  kill(reason: string): void {
    this.end({ kind: 'killed', reason, stderrTail: '' });
  }

  async close(): Promise<void> {
    this.end({ kind: 'closed', reason: 'closed', stderrTail: '' });
    await this.exited;
  }
}

const CRASH: ExitReport = { kind: 'crashed', reason: 'signal SIGSEGV', stderrTail: '' };
const SESSION = {} as Session; // pools hand sessions on and never look inside

/** A pool over fake engines on a virtual clock. `loads` says how the load of each engine goes, by its number from 0. */
function makePool(
  size: number,
  loads: (engine: number, spec: LoadSpec) => Promise<Session> = async () => SESSION,
  packed?: PackedForm,
) {
  const clock = new VirtualClock();
  const engines: FakeEngine[] = [];
  const launchedAtMs: number[] = [];
  const calls: string[] = [];
  const launcher: EngineLauncher = {
    kind: 'fake',
    launch: async () => {
      const number = engines.length;
      const engine = new FakeEngine(number, (spec) => loads(number, spec));
      engines.push(engine);
      launchedAtMs.push(clock.nowMs());
      return engine;
    },
  };
  const pool = new EnginePool({
    launcher,
    spec: { pkg: echoPackage([]), device: 'cpu', threads: 1 },
    ...(packed && { packed }),
    memoryBytes: 2 ** 30,
    size,
    clock,
    rng: seededRng(1),
    log: silentLog,
    limits: resolveLimits(),
    onUp: (_, id) => calls.push(`up ${id}`),
    onDown: (id, report) => calls.push(`down ${id} ${report.kind}`),
  });
  /** Lets promises and timers run until nothing is left. */
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 5; i++) {
      await new Promise(setImmediate);
      clock.run(1000);
    }
  };
  return { pool, engines, launchedAtMs, calls, settle };
}

test('start resolves with the first engine up, the others follow', async () => {
  const { pool, engines, calls, settle } = makePool(3);
  await pool.start();
  assert.deepEqual(calls, ['up 1']);
  await settle();
  assert.deepEqual(calls, ['up 1', 'up 2', 'up 3']);
  assert.deepEqual(
    pool.pids(),
    engines.map((engine) => engine.pid),
  );
});

test('start rejects with the error of the first load, and nothing is left running', async () => {
  const failure = new SkyliftError('SKY_ENGINE_LOAD', 'broken graph');
  const { pool, engines, calls, settle } = makePool(2, () => Promise.reject(failure));
  await assert.rejects(pool.start(), failure);
  await settle();
  assert.equal(engines.length, 1);
  assert.equal((await engines[0]?.exited)?.kind, 'closed');
  assert.deepEqual(calls, []);
  assert.deepEqual(pool.pids(), []);
});

test('a crashed engine is replaced at once, then after pauses that grow', async () => {
  const { pool, engines, launchedAtMs, calls, settle } = makePool(1);
  await pool.start();
  for (let crash = 0; crash < 5; crash++) {
    engines.at(-1)?.end(CRASH);
    await settle();
  }
  assert.deepEqual(calls.slice(0, 3), ['up 1', 'down 1 crashed', 'up 2']);
  const pauses = launchedAtMs.slice(1).map((atMs, i) => atMs - (launchedAtMs[i] ?? 0));
  assert.equal(pauses[0], 0);
  for (const [i, pauseMs] of pauses.slice(1).entries())
    assert.ok(pauseMs >= 50 * 2 ** i && pauseMs <= 100 * 2 ** i, `pause ${i}: ${pauseMs} ms`);
});

test('a failed start after the first success is tried again', async () => {
  const { pool, engines, calls, settle } = makePool(1, (engine) =>
    engine === 1 || engine === 2 ? Promise.reject(new Error('no memory')) : Promise.resolve(SESSION),
  );
  await pool.start();
  engines[0]?.end(CRASH);
  await settle();
  assert.equal(engines.length, 4);
  assert.deepEqual(calls, ['up 1', 'down 1 crashed', 'up 2']);
});

test('kill ends the engine of that session only, and it is replaced', async () => {
  const { pool, calls, settle } = makePool(2);
  await pool.start();
  await settle();
  pool.kill(1, 'too slow');
  pool.kill(99, 'unknown');
  await settle();
  assert.deepEqual(calls, ['up 1', 'up 2', 'down 1 killed', 'up 3']);
});

test('a pool grows and never shrinks', async () => {
  const { pool, calls, settle } = makePool(1);
  await pool.start();
  pool.grow(3);
  pool.grow(2);
  await settle();
  assert.equal(pool.size, 3);
  assert.deepEqual(calls, ['up 1', 'up 2', 'up 3']);
});

test('a closed pool ends its engines, also those that are still starting, and starts none', async () => {
  const late = Promise.withResolvers<Session>();
  const { pool, engines, calls, settle } = makePool(2, (engine) =>
    engine === 0 ? Promise.resolve(SESSION) : late.promise,
  );
  await pool.start();
  await settle();
  assert.equal(engines.length, 2);
  const closed = pool.close();
  late.reject(new SkyliftError('SKY_ENGINE_LOST', 'closed'));
  await closed;
  await settle();
  pool.grow(5);
  await settle();
  assert.equal(engines.length, 2);
  for (const engine of engines) assert.equal((await engine.exited).kind, 'closed');
  assert.deepEqual(calls, ['up 1', 'down 1 closed']);
});

test('a pool of no engines is refused', async () => {
  await assert.rejects(makePool(0).pool.start(), { code: 'SKY_CONFIG_INVALID' });
});

test('an engine that is replaced goes on until it is ended, and is not started again', async () => {
  const { pool, engines, calls, settle } = makePool(1);
  await pool.start();
  assert.equal(await pool.replace(1), true);
  assert.equal(pool.pids().length, 2, 'the old one still runs');
  assert.equal(await pool.replace(1), false, 'it has a successor');
  await pool.end(1);
  await settle();
  assert.deepEqual(calls, ['up 1', 'up 2', 'down 1 closed']);
  engines[1]?.end(CRASH);
  await settle();
  assert.deepEqual(calls.slice(3), ['down 2 crashed', 'up 3'], 'its successor is');
  assert.equal(pool.size, 1);
});

test('an engine whose successor does not start stays, and is started again when it crashes', async () => {
  const { pool, engines, calls, settle } = makePool(1, (engine) =>
    engine === 1 ? Promise.reject(new Error('no memory')) : Promise.resolve(SESSION),
  );
  await pool.start();
  assert.equal(await pool.replace(1), false);
  assert.equal(await pool.replace(99), false, 'nobody has that id');
  assert.deepEqual(calls, ['up 1']);
  engines[0]?.end(CRASH);
  await settle();
  assert.deepEqual(calls, ['up 1', 'down 1 crashed', 'up 2']);
});

test('an engine that crashes while its successor starts in vain is started again once', async () => {
  const successor = Promise.withResolvers<Session>();
  const { pool, engines, calls, settle } = makePool(1, (engine) =>
    engine === 1 ? successor.promise : Promise.resolve(SESSION),
  );
  await pool.start();
  const replaced = pool.replace(1);
  engines[0]?.end(CRASH);
  await settle();
  successor.reject(new Error('no memory'));
  assert.equal(await replaced, false);
  await settle();
  assert.deepEqual(calls, ['up 1', 'down 1 crashed', 'up 2']);
  assert.equal(engines.length, 3);
});

/** A packed form in `dir` until it is refused. */
function packedIn(dir: string): PackedForm & { readonly refusals: string[] } {
  const refusals: string[] = [];
  return {
    refusals,
    find: async () => (refusals.length === 0 ? dir : undefined),
    refuse: async ({ code }) => void refusals.push(code),
  };
}

test('engines load the packed form where there is one', async () => {
  const seen: LoadSpec[] = [];
  const load = async (_: number, spec: LoadSpec): Promise<Session> => {
    seen.push(spec);
    return SESSION;
  };
  const { pool } = makePool(1, load, packedIn('/packed'));
  await pool.start();
  assert.deepEqual(seen[0]?.packed, { dir: '/packed', use: 'read' });
  assert.deepEqual(pool.unpacked(), []);
});

test('a packed form that no engine can load costs one engine, and the package itself is loaded', async () => {
  const packed = packedIn('/packed');
  const { pool, engines, calls } = makePool(
    1,
    (_, spec) =>
      spec.packed
        ? Promise.reject(new SkyliftError('SKY_ENGINE_LOST', 'signal SIGBUS'))
        : Promise.resolve(SESSION),
    packed,
  );
  await pool.start();
  assert.deepEqual(packed.refusals, ['SKY_ENGINE_LOST']);
  assert.equal(engines.length, 2);
  assert.deepEqual(calls, ['up 1']);
  assert.deepEqual(pool.unpacked(), [1]);
});
