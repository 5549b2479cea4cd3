/** Engines that misbehave: each ends with a clear reason, and the front goes on. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { brokenLauncher } from '../../../test/support/broken-engine.ts';
import { echoPackage } from '../../../test/support/echo-engine.ts';
import { floats, recordingSink } from '../../../test/support/engine-runs.ts';
import { systemClock } from '../../core/clock.ts';
import { resolveLimits } from '../../core/limits.ts';
import type { Limits } from '../../core/limits.ts';
import { silentLog } from '../../core/log.ts';
import type { Engine, EngineJob, Session } from '../port.ts';
import { createLauncher } from './engine-process.ts';

const PKG = echoPackage([{ name: 'x', dtype: 'float32', dims: ['batch'] }]);
const JOBS: readonly EngineJob[] = [1, 2].map((id) => ({
  id,
  signature: 'serving_default',
  rows: 1,
  inputs: [floats(id)],
  params: new Map(),
}));

/** Launches an engine that runs `script`, hands it to `use` and cleans up. */
async function withBroken(
  script: string,
  use: (launch: () => Promise<Engine>) => Promise<void>,
  limits: Partial<Limits> = {},
): Promise<void> {
  const options = {
    clock: systemClock,
    log: silentLog,
    limits: resolveLimits({ load_limit_ms: 5000, ...limits }),
  };
  const { launcher, remove } = brokenLauncher(script, options);
  const engines: Engine[] = [];
  try {
    await use(async () => {
      const engine = await launcher.launch({ memoryBytes: 2 ** 32 });
      engines.push(engine);
      return engine;
    });
  } finally {
    await Promise.all(engines.map((engine) => engine.close()));
    remove();
  }
}

function load(engine: Engine): Promise<Session> {
  return engine.load({ pkg: PKG, device: 'cpu', threads: 1 });
}

describe('an engine does not start', { concurrency: 2 }, () => {
  test('when its process says something else than hello', async () => {
    await withBroken(`pipe.write(Buffer.alloc(100, 'GET / HTTP/1.1'))`, (launch) =>
      assert.rejects(launch(), { code: 'SKY_ENGINE_START', message: /SKY_ENGINE_PROTOCOL/ }),
    );
  });

  test('when it speaks another version of the protocol', async () => {
    await withBroken(`say({ kind: 'hello', json: { protocol: 99, versions: {} } })`, (launch) =>
      assert.rejects(launch(), { code: 'SKY_ENGINE_START', message: /another protocol/ }),
    );
  });

  test('when it ends at once, and the error shows its last words, cut', async () => {
    await withBroken(
      `process.stderr.write('x'.repeat(9000) + 'last words\\n'); process.exitCode = 3; pipe.destroy()`,
      (launch) =>
        assert.rejects(launch(), (error: Error & { code: string }) => {
          assert.equal(error.code, 'SKY_ENGINE_START');
          assert.match(error.message, /exit code 3\nx+last words$/);
          assert.ok(error.message.length < 4400, `${error.message.length} characters`);
          return true;
        }),
    );
  });

  test('when it says nothing within the limit', async () => {
    await withBroken(
      '',
      (launch) =>
        assert.rejects(launch(), { code: 'SKY_ENGINE_START', message: /no "hello".* within 400 ms/ }),
      { load_limit_ms: 400 },
    );
  });

  test('when its module does not exist', async () => {
    const options = { kind: 'ghost', clock: systemClock, log: silentLog, limits: resolveLimits() };
    const launcher = createLauncher({ ...options, entry: '/nonexistent/engine.ts' });
    await assert.rejects(launcher.launch({ memoryBytes: 2 ** 32 }), {
      code: 'SKY_ENGINE_START',
      message: /ghost engine: .*Cannot find module/s,
    });
  });
});

/** Answers to a batch of two jobs that are not allowed. */
const WRONG_ANSWERS: Readonly<Record<string, string>> = {
  'of an unknown session': `{ ...whole, session: 9 }`,
  'of an unknown batch': `{ ...whole, tag: run.tag + 7 }`,
  'of an unknown job': `{ ...whole, jobs: [run.jobs[0], { id: 77, rows: 1 }] }`,
  'of one job twice': `{ ...whole, jobs: [run.jobs[0], run.jobs[0]] }`,
  'with other rows': `{ ...whole, jobs: [run.jobs[0], { id: 2, rows: 5 }] }`,
  'with another dtype': `{ ...whole, tensors: [{ ...tensor, dtype: 'int32' }] }`,
  'without its tensor': `{ ...whole, tensors: [] }`,
  'with fewer rows than jobs': `{ ...whole, tensors: [{ dtype: 'float32', dims: [1], chunks: [new Uint8Array(4)] }] }`,
  'that says it is the last too early': `{ ...whole, jobs: [run.jobs[0]], tensors: [{ ...tensor, dims: [1], chunks: [new Uint8Array(4)] }] }`,
  'that is never the last': `{ ...whole, isLast: false }`,
  'that is an unreadable error': `{ ...whole, kind: 'fail', tensors: [], json: { code: 'NOT_A_CODE' } }`,
  'that is a frame for engines': `{ kind: 'run' }`,
  'that nobody asked for': `{ kind: 'memoryIs', tag: 999, json: {} }`,
};

describe('an engine is ended for an answer', { concurrency: 2 }, () => {
  for (const [what, answer] of Object.entries(WRONG_ANSWERS))
    test(what, async () => {
      const script = `
        loaded();
        hear('run', (run) => {
          const tensor = { dtype: 'float32', dims: [2], chunks: [new Uint8Array(8)] };
          const whole = { kind: 'result', session: run.session, tag: run.tag, isLast: true, jobs: run.jobs, tensors: [tensor] };
          say(${answer});
        });
        hello();`;
      await withBroken(script, async (launch) => {
        const engine = await launch();
        const session = await load(engine);
        const { sink, record } = recordingSink();
        session.dispatch(JOBS, sink);
        const { kind, reason } = await engine.exited;
        assert.equal(kind, 'killed');
        assert.match(reason, /^SKY_ENGINE_PROTOCOL: /);
        assert.deepEqual(record.calls, []);
      });
    });

  test('to a load without a capacity', async () => {
    const script = `hear('load', ({ tag }) => say({ kind: 'loaded', tag, json: { kind: 'batch', maxRows: -1 } })); hello();`;
    await withBroken(script, async (launch) => {
      const engine = await launch();
      await assert.rejects(load(engine), { code: 'SKY_ENGINE_PROTOCOL' });
      assert.equal((await engine.exited).kind, 'killed');
    });
  });

  test('longer than the limit', async () => {
    await withBroken(
      `hello(); setTimeout(() => pipe.write(Buffer.alloc(8, 0xff)), 10)`,
      async (launch) => {
        const engine = await launch();
        assert.match((await engine.exited).reason, /exceeds 1000000 bytes/);
      },
      { max_frame_bytes: 1_000_000 },
    );
  });
});

describe('an engine is ended', { concurrency: 2 }, () => {
  test('when it is idle and gives no sign of life', async () => {
    const limits = { heartbeat_ms: 50, heartbeat_missed_ms: 200 };
    await withBroken(
      `hello(); setTimeout(() => { for (;;); }, 20);`,
      async (launch) => {
        const engine = await launch();
        const { kind, reason } = await engine.exited;
        assert.deepEqual({ kind, reason }, { kind: 'killed', reason: 'no sign of life for 200 ms' });
      },
      limits,
    );
  });

  test('when a load takes longer than the limit', async () => {
    await withBroken(
      'hello()',
      async (launch) => {
        const engine = await launch();
        await assert.rejects(load(engine), { code: 'SKY_ENGINE_TIMEOUT', message: /within 1500 ms/ });
        assert.equal((await engine.exited).kind, 'killed');
      },
      { load_limit_ms: 1500 },
    );
  });

  test('when it closes its pipe and lives on', async () => {
    await withBroken(`hello(); setInterval(() => {}, 1000); pipe.destroySoon()`, async (launch) => {
      const engine = await launch();
      const { kind, reason } = await engine.exited;
      assert.deepEqual({ kind, reason }, { kind: 'killed', reason: 'closed its pipe' });
      await assert.rejects(load(engine), { code: 'SKY_ENGINE_LOST' });
    });
  });
});

test('answers that a crashing engine sent before its end still count', async () => {
  const script = `
    loaded();
    hear('run', (run) => {
      const tensor = { dtype: 'float32', dims: [2], chunks: [new Uint8Array(8)] };
      say({ kind: 'result', session: run.session, tag: run.tag, isLast: true, jobs: run.jobs, tensors: [tensor] });
      process.exit(5);
    });
    hello();`;
  await withBroken(script, async (launch) => {
    const engine = await launch();
    const session = await load(engine);
    const { sink, record } = recordingSink();
    session.dispatch(JOBS, sink);
    const { kind, reason } = await engine.exited;
    assert.deepEqual({ kind, reason }, { kind: 'crashed', reason: 'exit code 5' });
    assert.deepEqual(record.calls, ['done 1', 'done 2', 'finished 1,2']);
  });
});
