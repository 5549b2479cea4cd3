/**
 * A 602 KB image tensor end to end, as raw bytes in base64, against the bare engine with the same threads, and against the
 * least server that keeps the engine in a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cpuBetween, cpuTimes } from '../src/bench/cpu-times.ts';
import { runLoad } from '../src/bench/run-load.ts';
import { startRival, startSkylift } from './support/contenders.ts';
import type { Contender } from './support/contenders.ts';
import { compare } from './support/rounds.ts';
import type { Ratio } from './support/rounds.ts';

const DIMS = [1, 3, 224, 224];
const PIXELS = DIMS.reduce((product, dim) => product * dim, 1);
const SECONDS = 4;
const BARE_ENGINE = fileURLToPath(new URL('rivals/bare-engine.mjs', import.meta.url));

interface Bare {
  readonly p50Ms: number;
  readonly runsPerCpuSecond: number;
}

/** `model` takes float32 [batch, 3, 224, 224] named `image`. One engine with one thread on both sides. */
export async function benchLargeTensor(model: string, storeDir: string, rounds: number): Promise<Ratio[]> {
  const bare: Bare[] = [];
  const leastP50Ms: number[] = [];
  const p50Ms: number[] = [];
  const runsPerCpuSecond: number[] = [];
  const skylift = await startSkylift(
    [`m=${model}`, '--engines=1', '--threads=1'],
    '/v1/models/m:predict',
    storeDir,
  );
  const least = await startRival('least', 'least-front.mjs', [model, String(PIXELS * 4)], '/');
  try {
    for (let round = 0; round < rounds; round++) {
      bare.push(runBare(model));
      leastP50Ms.push((await load(least, 1)).p50Ms);
      p50Ms.push((await load(skylift, 1)).p50Ms);
      runsPerCpuSecond.push((await load(skylift, 8)).runsPerCpuSecond);
    }
  } finally {
    await skylift.stop();
    await least.stop();
  }
  const scenario = '602 KB tensor, 1 engine x 1 thread';
  const inverse = (values: readonly number[]): number[] => values.map((value) => 1000 / value);
  return [
    compare(
      { scenario, figure: '1/p50 at 1 connection vs bare engine', unit: '/s', goal: '>= 0.88' },
      inverse(p50Ms),
      inverse(bare.map((each) => each.p50Ms)),
    ),
    compare(
      { scenario, figure: '1/p50 at 1 connection vs least isolated server', unit: '/s', goal: '' },
      inverse(p50Ms),
      inverse(leastP50Ms),
    ),
    compare(
      {
        scenario,
        figure: 'runs per CPU-second at 8 connections vs bare engine',
        unit: '/s',
        goal: '>= 0.88',
      },
      runsPerCpuSecond,
      bare.map((each) => each.runsPerCpuSecond),
    ),
  ];
}

function runBare(model: string): Bare {
  const args = [BARE_ENGINE, model, '1', String(SECONDS), 'image', DIMS.join(',')];
  const { stdout } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const { p50Ms, runs, cpuSeconds } = JSON.parse(stdout) as {
    p50Ms: number;
    runs: number;
    cpuSeconds: number;
  };
  return { p50Ms, runsPerCpuSecond: runs / cpuSeconds };
}

async function load(skylift: Contender, connections: number): Promise<Bare> {
  const pixels = new Float32Array(PIXELS).fill(0.5);
  const body = JSON.stringify({ instances: [{ b64: Buffer.from(pixels.buffer).toString('base64') }] });
  const options = { url: skylift.url, body, connections };
  await runLoad({ ...options, durationMs: 5000 }); // at tens of requests a second the compiler needs a while
  const before = cpuTimes(skylift.pids());
  const report = await runLoad({ ...options, durationMs: SECONDS * 1000 });
  const cpuMs = cpuBetween(before, cpuTimes(skylift.pids()));
  if (report.failed > 0) throw new Error(`failed replies: ${JSON.stringify(report.errors)}`);
  return { p50Ms: report.latencyMs.p50, runsPerCpuSecond: (1000 * report.requests) / cpuMs };
}
