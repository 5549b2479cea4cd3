import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { openModel } from '../../src/api/open-model.ts';
import type { OpenModel } from '../../src/api/open-model.ts';
import type { WorkshopOptions } from '../../src/api/workshop.ts';
import { isSkyliftError } from '../../src/core/errors.ts';
import type { ErrorCode } from '../../src/core/error-codes.ts';
import { tensor, tensorValues } from '../../src/tensor/values.ts';
import { countingLoop, halfPlusTwo, loop, minusBatchMean } from '../support/onnx-models.ts';

let folder = '';
before(async () => (folder = await mkdtemp(join(tmpdir(), 'skylift-runtime-'))));
after(() => rm(folder, { recursive: true, force: true }));

async function open(bytes: Uint8Array, options: WorkshopOptions = {}): Promise<OpenModel> {
  const path = join(await mkdtemp(join(folder, 'model-')), 'model.onnx');
  await writeFile(path, bytes);
  return openModel(path, {
    storeDir: join(folder, 'store'),
    threads: { engines: 1, threads: 1 },
    ...options,
  });
}

const withCode = (code: ErrorCode) => (error: unknown) => isSkyliftError(error) && error.code === code;
const row = (value: number) => ({ x: tensor('float32', [1], [value]) });

test('each caller of one turn gets its own row, computed in one run', async () => {
  await using model = await open(halfPlusTwo());
  assert.ok((model.report()?.maxRows ?? 0) > 1);
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => model.predict(row(i))));
  assert.deepEqual(
    answers.flatMap(({ y }) => (y ? tensorValues(y) : [])),
    Array.from({ length: 50 }, (_, i) => i / 2 + 2),
  );
});

test('a model whose rows change each other is never batched', async () => {
  const warnings: string[] = [];
  await using model = await open(minusBatchMean(), { log: (_, message) => warnings.push(message) });
  assert.equal(model.report()?.maxRows, 1);
  assert.ok(warnings.some((message) => message.includes('rows of a batch change each other')));
  const answers = await Promise.all([model.predict(row(1)), model.predict(row(5))]);
  assert.deepEqual(
    answers.flatMap(({ y }) => (y ? tensorValues(y) : [])),
    [0, 0],
  );
});

test('a limit that is not allowed is refused', async () => {
  await assert.rejects(
    open(halfPlusTwo(), { limits: { max_frame_bytes: 0 } }),
    withCode('SKY_CONFIG_INVALID'),
  );
});

test('a model that was closed refuses at once', async () => {
  const model = await open(halfPlusTwo());
  await model.close();
  await assert.rejects(model.predict({ x: tensor('float32', [1], [1]) }), withCode('SKY_DRAINING'));
});

test('a model that never ends its first run fails to load in time', async () => {
  await assert.rejects(
    open(loop(2n ** 62n), { limits: { load_limit_ms: 1500 } }),
    withCode('SKY_ENGINE_TIMEOUT'),
  );
});

test('a request that hangs its engines is quarantined, and others are answered', async () => {
  await using model = await open(countingLoop(), { limits: { run_limit_ms: 300 } });
  const trips = (count: bigint) => ({ trips: tensor('int64', [1], [count]) });
  await assert.rejects(model.predict(trips(2n ** 62n)), withCode('SKY_QUARANTINED'));
  const { count } = await model.predict(trips(3n));
  assert.deepEqual(count && tensorValues(count), [3]);
  const start = performance.now();
  await assert.rejects(model.predict(trips(2n ** 62n)), withCode('SKY_QUARANTINED'));
  assert.ok(performance.now() - start < 300, 'the repeat is refused without a run');
});

test('a deadline ends the wait, not the engine', async () => {
  await using model = await open(countingLoop());
  const pid = model.report()?.engines[0]?.pid;
  await assert.rejects(
    model.predict({ trips: tensor('int64', [1], [100_000n]) }, { timeoutMs: 30 }),
    withCode('SKY_DEADLINE_EXCEEDED'),
  );
  const { count } = await model.predict({ trips: tensor('int64', [1], [1n]) });
  assert.deepEqual(count && tensorValues(count), [1]);
  assert.equal(model.report()?.engines[0]?.pid, pid);
});

test('inputs that do not fit the signature are refused before any engine sees them', async () => {
  await using model = await open(halfPlusTwo());
  await assert.rejects(model.predict({}), withCode('SKY_INPUT_UNKNOWN'));
  await assert.rejects(
    model.predict({ ...row(1), z: tensor('float32', [1], [1]) }),
    withCode('SKY_INPUT_UNKNOWN'),
  );
  await assert.rejects(
    model.predict({ x: tensor('float64', [1], [1]) }),
    withCode('SKY_TENSOR_SHAPE_MISMATCH'),
  );
  await assert.rejects(
    model.predict({ x: tensor('float32', [1, 1], [1]) }),
    withCode('SKY_TENSOR_SHAPE_MISMATCH'),
  );
  await assert.rejects(model.predict(row(1), { signature: 'other' }), withCode('SKY_SIGNATURE_NOT_FOUND'));
});

test('an aborted prediction rejects and leaves the model usable', async () => {
  await using model = await open(halfPlusTwo());
  const abort = new AbortController();
  const aborted = model.predict(row(1), { signal: abort.signal });
  abort.abort();
  await assert.rejects(aborted, withCode('SKY_CANCELLED'));
  assert.ok((await model.predict(row(1)))['y']);
});
