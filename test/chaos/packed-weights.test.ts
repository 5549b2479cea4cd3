/** Engines share packed weights, whatever happens to the packed form: answers stay the same to the last bit, no request fails. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openModel, tensor } from '../../src/index.ts';
import type { OpenModel, WorkshopOptions } from '../../src/index.ts';
import { CAN_SEE_PROCESSES, descendantsOf, killAll } from '../../tools/support/processes.ts';
import { matMul, smallNetwork } from '../support/onnx-models.ts';

const PACKED = 'weights are packed';
const PIXELS = Array.from({ length: 3 * 16 * 16 }, (_, i) => Math.cos(i));
const ONES = tensor(
  'float32',
  [1, 2048],
  Array.from({ length: 2048 }, () => 1),
);
const run = promisify(execFile);

let folder = '';
let network = '';
/** Large enough that a build can be met in the middle. */
let matrix = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skylift-packed-'));
  network = join(folder, 'network.onnx');
  matrix = join(folder, 'matrix.onnx');
  await writeFile(network, smallNetwork(64));
  await writeFile(matrix, matMul({ width: 2048, outputWidth: 1024 }));
});
after(() => rm(folder, { recursive: true, force: true }));

interface Opened {
  readonly model: OpenModel;
  readonly log: string[];
}

async function open(path: string, storeDir: string, options: WorkshopOptions = {}): Promise<Opened> {
  const log: string[] = [];
  const model = await openModel(path, {
    storeDir,
    threads: { engines: 2, threads: 1, allowOversubscription: true },
    log: (_, message, fields) => void log.push(`${message} ${JSON.stringify(fields)}`),
    ...options,
    limits: { weight_cache_min_bytes: 1024, warmup_budget_ms: 20, ...options.limits },
  });
  return { model, log };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(10);
}

const pidsOf = (model: OpenModel): number[] => model.report()?.engines.map(({ pid }) => pid) ?? [];

async function answerOf(model: OpenModel): Promise<string> {
  const { y } = await model.predict({ x: tensor('float32', [1, 3, 16, 16], PIXELS) });
  return Buffer.from(y?.bytes ?? []).toString('hex');
}

/** All engines have the packed form in their memory. */
async function isShared(model: OpenModel, storeDir: string): Promise<boolean> {
  const pids = pidsOf(model);
  const maps = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/maps`, 'utf8').catch(() => '')));
  return pids.length === 2 && maps.every((text) => text.includes(join(storeDir, 'packed', 'trees')));
}

async function plainAnswer(): Promise<string> {
  const { model } = await open(network, join(folder, 'plain'), { limits: { weight_cache_bytes: 0 } });
  await using _ = model;
  return await answerOf(model); // before it is closed
}

test(
  'engines of a first start are exchanged for ones that share weights; no request fails, every bit stays',
  { skip: !CAN_SEE_PROCESSES },
  async () => {
    const storeDir = join(folder, 'first');
    const { model } = await open(network, storeDir);
    await using _ = model;
    const first = pidsOf(model);
    const answers: string[] = [];
    while (!(await isShared(model, storeDir))) answers.push(await answerOf(model));
    assert.ok(pidsOf(model).every((pid) => !first.includes(pid)));
    answers.push(await answerOf(model));
    assert.deepEqual([...new Set(answers)], [await plainAnswer()]);
  },
);

test('the next start shares from the beginning', { skip: !CAN_SEE_PROCESSES }, async () => {
  const storeDir = join(folder, 'first');
  const { model, log } = await open(network, storeDir);
  await using _ = model;
  await until(() => isShared(model, storeDir));
  assert.equal(await answerOf(model), await plainAnswer());
  assert.ok(log.every((line) => !line.includes(PACKED)));
});

test('weights that were cut off are said once, replaced, and no engine dies of them', async () => {
  const storeDir = join(folder, 'cut');
  const { model: earlier, log: said } = await open(network, storeDir);
  await until(() => said.some((line) => line.includes(PACKED)));
  await earlier.close();
  const trees = join(storeDir, 'packed', 'trees');
  const weights = join(trees, (await readdir(trees))[0] ?? '', 'model.bin');
  await truncate(weights, 5000);
  const { model, log } = await open(network, storeDir);
  await using _ = model;
  assert.equal(await answerOf(model), await plainAnswer());
  await until(() => log.some((line) => line.includes(PACKED)));
  assert.equal(log.filter((line) => line.includes('is not used')).length, 1);
  assert.ok((await readFile(weights)).length > 5000);
  assert.ok(log.every((line) => !/"how":"(?:crashed|killed)"/.test(line)));
});

test('a builder that is killed costs the packed form only', { skip: !CAN_SEE_PROCESSES }, async () => {
  const storeDir = join(folder, 'killed');
  const { model, log } = await open(matrix, storeDir, { threads: { engines: 1, threads: 1 } });
  await using _ = model;
  const isOver = (): boolean => log.some((line) => /packed/.test(line));
  while (!isOver()) {
    const engines = pidsOf(model);
    killAll(descendantsOf(process.pid).filter((pid) => !engines.includes(pid)));
    await sleep(5);
  }
  assert.ok(
    log.some((line) => line.includes('could not be made')),
    log.join('\n'),
  );
  assert.deepEqual(await readdir(join(storeDir, 'packed', 'tmp')), []);
  assert.deepEqual(await readdir(join(storeDir, 'packed', 'trees')), []);
  const { y } = await model.predict({ x: ONES });
  assert.equal(new Float32Array(Uint8Array.from(y?.bytes ?? []).buffer)[0], 2048);
});

test('a disk that is full costs the packed form only', async (t) => {
  const storeDir = join(folder, 'full');
  await mkdir(storeDir);
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=12m,mode=700', 'tmpfs', storeDir]).then(
    () => true,
    () => false,
  );
  if (!mounted) return t.skip('a file system of its own may be mounted by root only');
  try {
    const { model, log } = await open(matrix, storeDir); // 8 MiB of weights, once in the store
    await using _ = model;
    await until(() => log.some((line) => /packed/.test(line)));
    assert.ok(
      log.some((line) => line.includes('could not be made')),
      log.join('\n'),
    );
    assert.deepEqual(await readdir(join(storeDir, 'packed', 'tmp')), []);
    await model.predict({ x: ONES });
  } finally {
    await run('umount', ['-l', storeDir]);
  }
});
