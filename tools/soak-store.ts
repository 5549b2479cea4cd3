/**
 * Kills writers of a store at random moments and looks at what is left: `node tools/node24/run.mjs tools/soak-store.ts
 * --kills 1000 --seed 7`. Another writer works all the time and must never notice. Covers the death of processes, not of power.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seededRng } from '../src/core/random.ts';
import type { Rng } from '../src/core/random.ts';
import type { DescribePackage, DraftFile } from '../src/package/draft.ts';
import { PackageStore } from '../src/package/store.ts';

export interface CrashOptions {
  readonly seed: number;
  readonly kills: number;
}

export interface CrashReport {
  readonly kills: number;
  /** Entries that killed writers left in tmp/; all of them were collected. */
  readonly orphans: number;
  /** Packages in the store at the end, all of them sound. */
  readonly packages: number;
}

const VARIANTS = 12;
const NAMES = 4;
const WEIGHT_BYTES = 200_000; // long enough to be hit in the middle, short enough for many rounds
const LONGEST_LIFE_MS = 40; // after start; several publications fit
const STEADY_PAUSE_MS = 20; // between publications of the writer that lives on; leaves the cores to the others
const THIS_FILE = fileURLToPath(import.meta.url);

/** Kills `kills` writers. Throws AssertionError when anything torn, lost or left over is found, with seed and round. */
export async function crashStore({ seed, kills }: CrashOptions): Promise<CrashReport> {
  const rng = seededRng(seed);
  const dir = await mkdtemp(join(tmpdir(), 'skylift-soak-'));
  const steady = startWriter(dir, rng.u32(), STEADY_PAUSE_MS);
  try {
    await writeSources(dir);
    const observer = await PackageStore.open(join(dir, 'store'));
    await started(steady);
    let orphans = 0;
    for (let round = 1; round <= kills; round++)
      orphans += await crashOnce(dir, observer, rng, `seed ${seed}, round ${round}`);
    assert.equal(steady.exitCode, null, 'the writer that nobody killed has failed');
    await kill(steady);
    await PackageStore.open(observer.dir);
    assert.deepEqual((await observer.verify()).problems, []);
    assert.deepEqual(await readdir(join(observer.dir, 'tmp')), []);
    return { kills, orphans, packages: (await observer.list()).length };
  } finally {
    await kill(steady);
    await rm(dir, { recursive: true, force: true });
  }
}

/** One writer's life and death. Returns the number of orphans found. */
async function crashOnce(dir: string, observer: PackageStore, rng: Rng, round: string): Promise<number> {
  const writer = startWriter(dir, rng.u32(), 0);
  await started(writer);
  await sleep(rng.float() * LONGEST_LIFE_MS);
  assert.equal(writer.exitCode, null, `${round}: the writer failed before it was killed`);
  await kill(writer);
  const { problems } = await observer.verify();
  const orphans = problems.filter(({ kind }) => kind === 'orphan');
  assert.deepEqual(problems.slice(0, problems.length - orphans.length), [], round);
  await PackageStore.open(observer.dir);
  for (const { names } of await observer.list())
    for (const name of names) await observer.resolve(name, { verify: 'sizes' });
  return orphans.length;
}

/** The child: publishes and names packages until it is killed. */
async function writeForever(dir: string, seed: number, pauseMs: number): Promise<void> {
  const rng = seededRng(seed);
  process.stdout.write('started\n');
  const store = await PackageStore.open(join(dir, 'store'));
  for (;;) {
    const variant = rng.u32() % VARIANTS;
    const { digest } = await store.publish(draftOf(dir, variant), describe);
    await store.setRef(`model-${variant % NAMES}`, digest);
    await store.recordImport(createHash('sha256').update(String(variant)).digest('hex'), digest);
    if (pauseMs > 0) await sleep(pauseMs);
  }
}

function startWriter(dir: string, seed: number, pauseMs: number): ChildProcess {
  const args = ['--write', dir, '--seed', String(seed), '--pause-ms', String(pauseMs)];
  return spawn(process.execPath, [THIS_FILE, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function started(writer: ChildProcess): Promise<void> {
  assert.ok(writer.stdout);
  await once(writer.stdout, 'data');
}

async function kill(writer: ChildProcess): Promise<void> {
  if (writer.exitCode !== null || writer.signalCode !== null) return;
  const exit = once(writer, 'exit');
  writer.kill('SIGKILL');
  await exit;
}

async function writeSources(dir: string): Promise<void> {
  await mkdir(join(dir, 'sources'));
  for (let variant = 0; variant < VARIANTS; variant++) {
    const [graph, weights] = draftOf(dir, variant);
    await writeFile(graph.from, `graph ${variant}`);
    await writeFile(weights.from, new Uint8Array(WEIGHT_BYTES).fill(variant));
  }
}

function draftOf(dir: string, variant: number): readonly [DraftFile, DraftFile] {
  const source = (name: string) => join(dir, 'sources', `${name}-${variant}`);
  return [
    { from: source('graph'), path: 'model.onnx', role: 'graph' },
    { from: source('weights'), path: 'weights-00001.bin', role: 'weights' },
  ];
}

const describe: DescribePackage = async () => ({
  engine: 'onnx',
  programs: { model: { steps: [], batchAxis: 0 } },
  signatures: {
    serving_default: {
      program: 'model',
      method: 'predict',
      inputs: [],
      outputs: [{ name: 'y', dtype: 'float32', dims: ['batch'] }],
    },
  },
  labels: {},
  lineage: [],
});

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      seed: { type: 'string', default: '1' },
      kills: { type: 'string', default: '1000' },
      write: { type: 'string' },
      'pause-ms': { type: 'string', default: '0' },
    },
  });
  if (values.write !== undefined)
    await writeForever(values.write, Number(values.seed), Number(values['pause-ms']));
  else console.log(await crashStore({ seed: Number(values.seed), kills: Number(values.kills) }));
}
