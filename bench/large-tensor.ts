/**
 * A 602 KB image tensor end to end, as raw bytes in base64 and in binary form, against the bare engine with the same threads, and against the
 * least server that keeps the engine in a process of its own.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cpuBetween, cpuTimes } from '../src/bench/cpu-times.ts';
import type { LoadOptions } from '../src/bench/load-types.ts';
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

/** One way to send the tensor. */
interface Spelling {
  readonly name: string;
  readonly path: string;
  readonly request: Pick<LoadOptions, 'body' | 'bodyEncoding' | 'headers'>;
}

/** `model` takes float32 [batch, 3, 224, 224] named `image`. One engine with one thread on both sides. */
export async function benchLargeTensor(model: string, storeDir: string, rounds: number): Promise<Ratio[]> {
  const bare: Bare[] = [];
  const leastP50Ms: number[] = [];
  const spellings = [base64(), binary()].map((spelling) => ({
    ...spelling,
    p50Ms: [] as number[],
    runsPerCpuSecond: [] as number[],
  }));
  const skylift = await startSkylift([`m=${model}`, '--engines=1', '--threads=1'], '', storeDir);
  const least = await startRival('least', 'least-front.mjs', [model, String(PIXELS * 4)], '/');
  try {
    for (let round = 0; round < rounds; round++) {
      bare.push(runBare(model));
      leastP50Ms.push((await load(least, least.url, base64(), 1)).p50Ms);
      for (const spelling of spellings) {
        const url = `${skylift.url}${spelling.path}`;
        spelling.p50Ms.push((await load(skylift, url, spelling, 1)).p50Ms);
        spelling.runsPerCpuSecond.push((await load(skylift, url, spelling, 8)).runsPerCpuSecond);
      }
    }
  } finally {
    await skylift.stop();
    await least.stop();
  }
  const inverse = (values: readonly number[]): number[] => values.map((value) => 1000 / value);
  const bareP50Ms = bare.map((each) => each.p50Ms);
  return spellings.flatMap(({ name, p50Ms, runsPerCpuSecond }) => {
    const common = { scenario: `602 KB tensor (${name}), 1 engine x 1 thread`, unit: '/s', goal: '>= 0.88' };
    return [
      compare(
        { ...common, figure: '1/p50 at 1 connection vs bare engine' },
        inverse(p50Ms),
        inverse(bareP50Ms),
      ),
      compare(
        { ...common, figure: '1/p50 at 1 connection vs least isolated server (base64)', goal: '' },
        inverse(p50Ms),
        inverse(leastP50Ms),
      ),
      compare(
        { ...common, figure: 'runs per CPU-second at 8 connections vs bare engine' },
        runsPerCpuSecond,
        bare.map((each) => each.runsPerCpuSecond),
      ),
    ];
  });
}

function base64(): Spelling {
  const body = JSON.stringify({ instances: [{ b64: pixels().toString('base64') }] });
  return { name: 'base64', path: '/v1/models/m:predict', request: { body } };
}

/** The Open Inference Protocol with binary tensors both ways, as tritonclient sends it. */
function binary(): Spelling {
  const tensor = {
    name: 'image',
    shape: DIMS,
    datatype: 'FP32',
    parameters: { binary_data_size: PIXELS * 4 },
  };
  const head = JSON.stringify({ inputs: [tensor], parameters: { binary_data_output: true } });
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.length),
  };
  const body = head + pixels().toString('latin1');
  return { name: 'binary', path: '/v2/models/m/infer', request: { body, bodyEncoding: 'latin1', headers } };
}

function pixels(): Buffer {
  return Buffer.from(new Float32Array(PIXELS).fill(0.5).buffer);
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

async function load(
  server: Contender,
  url: string,
  { request }: Spelling,
  connections: number,
): Promise<Bare> {
  const options = { ...request, url, connections };
  await runLoad({ ...options, durationMs: 5000 }); // at tens of requests a second the compiler needs a while
  const before = cpuTimes(server.pids());
  const report = await runLoad({ ...options, durationMs: SECONDS * 1000 });
  const cpuMs = cpuBetween(before, cpuTimes(server.pids()));
  if (report.failed > 0) throw new Error(`failed replies: ${JSON.stringify(report.errors)}`);
  return { p50Ms: report.latencyMs.p50, runsPerCpuSecond: (1000 * report.requests) / cpuMs };
}
