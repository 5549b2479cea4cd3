/** Runs inside an engine process, with a native part that the test plays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { floats, numbersOf } from '../../../test/support/engine-runs.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { ChildRunner } from './child-runner.ts';
import type { Frame, FrameJob, OutgoingFrame } from './frame.ts';
import type { NativeAnswer, NativeSession, Params } from './native.ts';
import { joinRows } from '../../tensor/rows.ts';

type Run = (input: Tensor, params: Params) => NativeAnswer;

/** A runner that writes down what it sends, flushes and releases. @param isCopied what a send says of its tensors */
function makeRunner(nowMs: () => number = () => 0, isCopied = true) {
  const released: number[] = [];
  const sent: OutgoingFrame[] = [];
  const log: string[] = [];
  const runner = new ChildRunner({
    send: (frame) => {
      sent.push(frame);
      log.push(`${frame.kind} ${frame.jobs?.map((job) => job.id).join(',')}${frame.isLast ? ' last' : ''}`);
      return isCopied;
    },
    release: (frame) => released.push(frame.tag),
    flush: () => log.push('flush'),
    nowMs,
  });
  return { runner, sent, log, released };
}

function sessionOf(
  run: Run,
  capacity: NativeSession['capacity'] = { kind: 'batch', maxRows: 8 },
): NativeSession {
  return { capacity, run: (_, [input], params) => run(input ?? floats(), params), unload: () => {} };
}

/** A run frame whose jobs have one value each: their ids. */
function runFrame(tag: number, ...ids: number[]): Frame {
  const jobs = ids.map((id): FrameJob => ({ id, rows: 1 }));
  const { dims, chunks } = joinRows(ids.map((id) => floats(id)));
  const tensors = [{ dtype: 'float32', dims, bytes: new Uint8Array(Buffer.concat(chunks)) } as const];
  return {
    memory: new Uint8Array(0),
    kind: 'run',
    isLast: false,
    session: 1,
    tag,
    ranUs: 0,
    signature: 0,
    jobs,
    tensors,
    json: undefined,
  };
}

function taskOf(session: NativeSession, frame: Frame, params: Params[] = frame.jobs.map(() => new Map())) {
  return { session, signature: 's', frame, params };
}

/** Lets the runner work until it has nothing left. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise(setImmediate);
}

test('a batch is one run and one answer', async () => {
  const { runner, sent, log } = makeRunner();
  const runs: number[][] = [];
  const session = sessionOf((input) => {
    runs.push(numbersOf(input));
    return [input];
  });
  runner.run(taskOf(session, runFrame(5, 1, 2, 3)));
  await settle();
  assert.deepEqual(runs, [[1, 2, 3]]);
  assert.deepEqual(log, ['result 1,2,3 last', 'flush']);
  assert.deepEqual([sent[0]?.session, sent[0]?.tag], [1, 5]);
});

test('a batch that fails runs again job by job', async () => {
  const { runner, log, sent } = makeRunner();
  const session = sessionOf((input) => {
    if (numbersOf(input).includes(2)) throw new Error('two is bad');
    return [input];
  });
  runner.run(taskOf(session, runFrame(1, 1, 2, 3)));
  await settle();
  assert.deepEqual(log, ['result 1', 'fail 2', 'result 3 last', 'flush']);
  const error = sent[1]?.json as { code: string; message: string };
  assert.deepEqual([error.code, error.message], ['SKY_ENGINE_RUN', 'two is bad']);
});

test('a batch whose outputs lack the rows runs again job by job', async () => {
  const { runner, log } = makeRunner();
  const session = sessionOf(() => [floats(7)]);
  runner.run(taskOf(session, runFrame(1, 1, 2)));
  await settle();
  assert.deepEqual(log, ['result 1', 'result 2 last', 'flush']);
});

test('jobs with parameters run alone, each with its own', async () => {
  const { runner, log } = makeRunner();
  const seen: unknown[] = [];
  const session = sessionOf((input, params) => {
    seen.push(params.get('p'));
    return [input];
  });
  runner.run(taskOf(session, runFrame(1, 1, 2), [new Map(), new Map([['p', 4]])]));
  await settle();
  assert.deepEqual(seen, [undefined, 4]);
  assert.deepEqual(log, ['result 1', 'result 2 last', 'flush']);
});

test('tiny runs share a flush, a long one is answered at once', async () => {
  let nowMs = 0;
  const { runner, log } = makeRunner(() => nowMs);
  const session = sessionOf((input) => {
    nowMs += numbersOf(input)[0] === 3 ? 50 : 0.01;
    return [input];
  });
  for (const id of [1, 2, 3, 4]) runner.run(taskOf(session, runFrame(id, id)));
  await settle();
  assert.deepEqual(log, [
    'result 1 last',
    'result 2 last',
    'result 3 last',
    'flush',
    'result 4 last',
    'flush',
  ]);
});

test('a dropped job that waits is not run, its batch ends all the same', async () => {
  const { runner, log } = makeRunner();
  const ran: number[][] = [];
  const first = Promise.withResolvers<readonly Tensor[]>();
  const session = sessionOf((input) => {
    ran.push(numbersOf(input));
    return numbersOf(input)[0] === 1 ? first.promise : [input];
  });
  runner.run(taskOf(session, runFrame(1, 1)));
  runner.run(taskOf(session, runFrame(2, 2, 3)));
  for (const id of [2, 3]) runner.drop({ ...runFrame(2, id), kind: 'drop' });
  first.resolve([floats(1)]);
  await settle();
  assert.deepEqual(ran, [[1]]);
  assert.deepEqual(log, ['result 1 last', 'fail 2', 'fail 3 last', 'flush']);
});

test('a stream is ended at the part after its job was dropped', async () => {
  const { runner, log } = makeRunner();
  let isCleanedUp = false;
  const session = sessionOf(
    async function* (input) {
      try {
        for (;;) {
          await new Promise(setImmediate);
          yield [input];
        }
      } finally {
        isCleanedUp = true;
      }
    },
    { kind: 'slots', slots: 2 },
  );
  runner.run(taskOf(session, runFrame(1, 1)));
  while (log.length === 0) await new Promise(setImmediate);
  runner.drop({ ...runFrame(1, 1), kind: 'drop' });
  await settle();
  assert.equal(isCleanedUp, true);
  assert.deepEqual([log[0], log.at(-1)], ['part 1', 'fail 1 last']);
});

test('work behind the batches waits for them', async () => {
  const { runner, log } = makeRunner();
  runner.run(
    taskOf(
      sessionOf((input) => [input]),
      runFrame(1, 1),
    ),
  );
  runner.enqueue(() => void log.push('unload'));
  await settle();
  assert.deepEqual(log, ['result 1 last', 'unload', 'flush']);
});

test('the memory of a batch is free after its last answer, unless outputs are still to be written from it', async () => {
  const session = sessionOf((input) => [input]);
  const copying = makeRunner();
  const viewing = makeRunner(() => 0, false);
  for (const { runner, released } of [copying, viewing]) {
    runner.run(taskOf(session, runFrame(7, 1, 2)));
    assert.deepEqual(released, []);
    await settle();
  }
  assert.deepEqual([copying.released, viewing.released], [[7], []]);
});

test('an answer that cannot be sent fails its job instead', async () => {
  const log: string[] = [];
  const runner = new ChildRunner({
    send: (frame) => {
      if (frame.kind === 'result') throw new Error('too large');
      log.push(`${frame.kind} ${frame.isLast}`);
      return true;
    },
    release: () => {},
    flush: () => {},
    nowMs: () => 0,
  });
  runner.run(
    taskOf(
      sessionOf((input) => [input]),
      runFrame(1, 1, 2),
    ),
  );
  await settle();
  assert.deepEqual(log, ['fail false', 'fail true']);
});
