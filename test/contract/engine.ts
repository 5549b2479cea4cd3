/** The contract of engines: every implementation behind the port passes the same runs, refusals, kills and crashes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import type { Clock } from '../../src/core/clock.ts';
import { isSkyliftError } from '../../src/core/errors.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import type { Limits } from '../../src/core/limits.ts';
import { silentLog } from '../../src/core/log.ts';
import type { Log } from '../../src/core/log.ts';
import type { Engine, EngineJob, EngineLauncher, Session } from '../../src/engines/port.ts';
import type { PackageHandle } from '../../src/package/manifest.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { floats, numbersOf, recordingSink, runJobs } from '../support/engine-runs.ts';

/** Enough for Node and a native library, little enough to be reached quickly. */
const MEMORY_BYTES = 1.5 * 2 ** 30;
const LARGE_ROWS = 5 * 2 ** 20; // 20 MiB of float32

export interface EngineFixture {
  readonly makeLauncher: (options: { clock: Clock; log: Log; limits: Limits }) => EngineLauncher;
  /** `serving_default` takes and gives one float32 [batch] tensor. */
  readonly pkg: PackageHandle;
  /** A package that cannot be loaded. */
  readonly unloadable: PackageHandle;
  /** What `serving_default` makes of a number. */
  readonly answer: (value: number) => number;
  /** Two jobs that can run together but for the second, whose values are refused. */
  readonly goodAndBad: () => readonly [good: Work, bad: Work];
  /** A job whose run never ends. */
  readonly endless: Work;
  /** A job that wants more memory than there is. */
  readonly greedy: Work;
}

/** A job without its id. */
export type Work = Omit<EngineJob, 'id'>;

const NO_PARAMS: EngineJob['params'] = new Map();

/** One job of `serving_default`. */
function floatJob(id: number, ...values: number[]): EngineJob {
  return { id, ...floatWork(...values) };
}

export function floatWork(...values: number[]): Work {
  return work('serving_default', floats(...values));
}

export function work(signature: string, input: Tensor, params = NO_PARAMS): Work {
  return { signature, rows: input.dims[0] ?? 1, inputs: [input], params };
}

/** Declares the whole contract for one engine. */
export function engineContract(name: string, fixture: EngineFixture): void {
  const launcher = fixture.makeLauncher({ clock: systemClock, log: silentLog, limits: resolveLimits() });
  const launch = (): Promise<Engine> => launcher.launch({ memoryBytes: MEMORY_BYTES });
  const load = (engine: Engine): Promise<Session> =>
    engine.load({ pkg: fixture.pkg, device: 'cpu', threads: 1 });
  describe(`engine ${name}`, () => {
    runContract(fixture, launch, load);
    describe('ends', { concurrency: 2 }, () => endContract(fixture, launch, load));
  });
}

type Launch = () => Promise<Engine>;
type Load = (engine: Engine) => Promise<Session>;

/** What a healthy engine does; one process serves all of it. */
function runContract(fixture: EngineFixture, launch: Launch, load: Load): void {
  let engine: Engine;
  let session: Session;
  before(async () => {
    engine = await launch();
    session = await load(engine);
  });
  after(() => engine.close());

  test('a job is answered once, then its dispatch is finished', async () => {
    const record = await runJobs(session, [floatJob(7, 1, 2, 3)]);
    assert.deepEqual(record.calls, ['done 7', 'finished 7']);
    assert.deepEqual(numbersOf(record.outputs.get(7)?.[0]), [1, 2, 3].map(fixture.answer));
    assert.deepEqual(record.outputs.get(7)?.[0]?.dims, [3]);
  });

  test('each job of a batch gets its own rows, whatever the order of ids', async () => {
    const jobs = [floatJob(9, 1), floatJob(2, 2, 3, 4), floatJob(5), floatJob(4, 5, 6)];
    const record = await runJobs(session, jobs);
    for (const { id, inputs } of jobs)
      assert.deepEqual(
        numbersOf(record.outputs.get(id)?.[0]),
        numbersOf(inputs[0]).map(fixture.answer),
        `job ${id}`,
      );
    assert.equal(record.calls.at(-1), 'finished 9,2,5,4');
  });

  test('dispatches in flight at one time keep their answers apart', async () => {
    const ids = Array.from({ length: 20 }, (_, i) => i);
    const records = await Promise.all(ids.map((id) => runJobs(session, [floatJob(id, id)])));
    const answers = records.map((record, id) => numbersOf(record.outputs.get(id)?.[0]));
    assert.deepEqual(
      answers,
      ids.map((id) => [fixture.answer(id)]),
    );
  });

  test('one bad input fails alone', async () => {
    const [good, bad] = fixture.goodAndBad();
    const record = await runJobs(session, [
      { id: 1, ...good },
      { id: 2, ...bad },
      { id: 3, ...good },
    ]);
    assert.deepEqual(record.calls, ['done 1', 'fail 2', 'done 3', 'finished 1,2,3']);
    assert.equal(record.errors.get(2)?.code, 'SKY_ENGINE_RUN');
    assert.notEqual(record.errors.get(2)?.message, '');
  });

  test('nothing is told of a dropped job but that its dispatch is finished', async () => {
    const { sink, record, finished } = recordingSink();
    session.dispatch([floatJob(1, 1)], sink);
    session.drop(1);
    session.drop(99);
    await finished;
    assert.deepEqual(record.calls, ['finished 1']);
  });

  test('a tensor of 20 MiB goes there and back', async () => {
    const values = new Float32Array(LARGE_ROWS).map((_, i) => i % 1000);
    const input: Tensor = { dtype: 'float32', dims: [LARGE_ROWS], bytes: new Uint8Array(values.buffer) };
    const record = await runJobs(session, [{ id: 1, ...work('serving_default', input) }]);
    const output = record.outputs.get(1)?.[0];
    const wanted = new Uint8Array(values.map(fixture.answer).buffer);
    assert.ok(output && Buffer.compare(output.bytes, wanted) === 0);
  });

  test('time in native code is told in microseconds', async () => {
    const { ranUs } = await runJobs(session, [floatJob(1, 1)]);
    assert.ok(ranUs >= 0 && ranUs < 10_000_000, `${ranUs} µs`);
  });

  test('a signature that does not exist is refused before anything is sent', () => {
    const { sink } = recordingSink();
    assert.throws(() => session.dispatch([{ id: 1, ...work('nonsense', floats(1)) }], sink), {
      code: 'SKY_SIGNATURE_NOT_FOUND',
    });
  });

  test('memory is reported', async () => {
    const { rssBytes, privateBytes } = await session.memory();
    assert.ok(rssBytes > 2 ** 20, `${rssBytes} bytes`);
    assert.ok(privateBytes === undefined || (privateBytes > 0 && privateBytes <= rssBytes));
  });

  test('what cannot be loaded is refused, and the engine goes on', async () => {
    await assert.rejects(engine.load({ pkg: fixture.unloadable, device: 'cpu', threads: 1 }), {
      code: 'SKY_ENGINE_LOAD',
    });
    const record = await runJobs(session, [floatJob(1, 4)]);
    assert.deepEqual(numbersOf(record.outputs.get(1)?.[0]), [fixture.answer(4)]);
  });

  test('an unloaded session takes no jobs, another one of the same engine does', async () => {
    const second = await load(engine);
    await second.unload();
    assert.throws(() => second.dispatch([floatJob(1, 1)], recordingSink().sink), { code: 'SKY_ENGINE_LOST' });
    const record = await runJobs(session, [floatJob(1, 1)]);
    assert.deepEqual(record.calls, ['done 1', 'finished 1']);
  });
}

/** How engines end; each test has its own process. */
function endContract(fixture: EngineFixture, launch: Launch, load: Load): void {
  test('a closed engine has ended and takes nothing more', async () => {
    const engine = await launch();
    const session = await load(engine);
    await engine.close();
    assert.equal((await engine.exited).kind, 'closed');
    assert.throws(() => session.dispatch([floatJob(1, 1)], recordingSink().sink), {
      code: 'SKY_ENGINE_LOST',
    });
    await assert.rejects(session.memory(), { code: 'SKY_ENGINE_LOST' });
    await assert.rejects(load(engine), { code: 'SKY_ENGINE_LOST' });
    session.drop(1);
    await engine.close();
  });

  test('an engine that is killed in an endless run tells its sink nothing more', async () => {
    const engine = await launch();
    const session = await load(engine);
    const { sink, record } = recordingSink();
    session.dispatch([{ id: 1, ...fixture.endless }], sink);
    session.dispatch([floatJob(2, 1)], sink);
    await new Promise(setImmediate);
    engine.kill('test');
    assert.throws(() => session.dispatch([floatJob(3, 1)], sink), { code: 'SKY_ENGINE_LOST' });
    const { kind, reason } = await engine.exited;
    assert.deepEqual({ kind, reason }, { kind: 'killed', reason: 'test' });
    assert.deepEqual(record.calls, []);
    assert.throws(() => process.kill(engine.pid, 0), { code: 'ESRCH' });
  });

  test('close ends an endless run after a grace', async () => {
    const engine = await launch();
    const session = await load(engine);
    session.dispatch([{ id: 1, ...fixture.endless }], recordingSink().sink);
    await new Promise(setImmediate);
    await engine.close();
    assert.equal((await engine.exited).kind, 'killed');
  });

  test('a crash in a run is reported and tells the sink nothing', async () => {
    const engine = await launch();
    const session = await load(engine);
    const { sink, record } = recordingSink();
    session.dispatch([{ id: 1, ...fixture.endless }], sink);
    await new Promise(setImmediate);
    const memory = assert.rejects(session.memory(), { code: 'SKY_ENGINE_LOST' });
    process.kill(engine.pid, 'SIGSEGV');
    const { kind, reason } = await engine.exited;
    assert.deepEqual({ kind, reason }, { kind: 'crashed', reason: 'signal SIGSEGV' });
    assert.deepEqual(record.calls, []);
    await memory;
  });

  test('a run beyond the memory limit ends in an error or an exit', async () => {
    const engine = await launch();
    const session = await load(engine);
    const { sink, record, finished } = recordingSink();
    session.dispatch([{ id: 1, ...fixture.greedy }], sink);
    const ending = await Promise.race([finished, engine.exited]);
    if (ending === undefined) assert.ok(isSkyliftError(record.errors.get(1)));
    else assert.equal(ending.kind, 'crashed');
    await engine.close();
  });
}
