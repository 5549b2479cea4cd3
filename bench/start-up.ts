/** Start-up: spawn of an engine to its first result, and the command line against a bare Node. */
import { spawnSync } from 'node:child_process';
import { cpSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openPackages } from '../src/api/workshop.ts';
import { systemClock } from '../src/core/clock.ts';
import { resolveLimits } from '../src/core/limits.ts';
import { silentLog } from '../src/core/log.ts';
import { onnxruntimeLauncher } from '../src/engines/onnxruntime/launcher.ts';
import type { EngineJob, Session } from '../src/engines/port.ts';
import type { PackageHandle } from '../src/package/manifest.ts';
import { median } from '../src/bench/statistics.ts';
import { alone, compare } from './support/table.ts';
import type { Row } from './support/table.ts';
import type { BenchContext } from './support/bench-context.ts';

const RUNS_PER_ROUND = 4;

export async function benchStartUp({ rounds, folder, storeDir }: BenchContext): Promise<Row[]> {
  const digits = fileURLToPath(new URL('../examples/01-digits/mnist-lenet.onnx', import.meta.url));
  const { importer } = await openPackages(storeDir, resolveLimits());
  const firstResultMs = await measureFirstResult(await importer.import(digits), RUNS_PER_ROUND * rounds);
  const subject = { scenario: 'engine', figure: 'spawn to first result of a digit network', unit: 'ms' };
  return [
    alone({ ...subject, goal: { atMost: 500 } }, firstResultMs),
    benchCliStart(folder, RUNS_PER_ROUND * rounds),
  ];
}

/** Median milliseconds from the spawn of an engine process to the first result of a digit network. */
async function measureFirstResult(pkg: PackageHandle, rounds: number): Promise<number> {
  const launcher = onnxruntimeLauncher({ clock: systemClock, log: silentLog, limits: resolveLimits() });
  const durationsMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const engine = await launcher.launch({ memoryBytes: 4 * 1024 ** 3 });
    await runDigit(await engine.load({ pkg, device: 'cpu', threads: 1 }));
    durationsMs.push(performance.now() - start);
    await engine.close();
  }
  return median(durationsMs);
}

function runDigit(session: Session): Promise<void> {
  const image = { dtype: 'float32', dims: [1, 1, 28, 28], bytes: new Uint8Array(4 * 28 * 28) } as const;
  const job: EngineJob = { id: 1, signature: 'serving_default', rows: 1, inputs: [image], params: new Map() };
  return new Promise((resolve, reject) => {
    session.dispatch([job], {
      part() {},
      done() {},
      fail: (_, error) => reject(error),
      finished: () => resolve(),
    });
  });
}

/** `skylift version` of the build, as it is installed, against `node -e 0`; wall milliseconds of whole processes in turn. */
function benchCliStart(folder: string, rounds: number): Row {
  const cli = installBuild(folder);
  const ours: number[] = [];
  const bare: number[] = [];
  durationMs([cli, 'version']); // fills the compile cache
  for (let round = 0; round < rounds; round++) {
    ours.push(durationMs([cli, 'version']));
    bare.push(durationMs(['-e', '0']));
  }
  const comparison = {
    scenario: 'command line',
    figure: '`skylift version` vs bare node',
    unit: 'ms',
    goal: { atMost: 1.5 },
  };
  return compare(comparison, ours, bare);
}

/** The files of the package without its sources, in a folder of their own. */
function installBuild(folder: string): string {
  const root = fileURLToPath(new URL('..', import.meta.url));
  spawnSync(process.execPath, [join(root, 'tools/build.ts')], { stdio: 'ignore' });
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(join(root, part), join(folder, 'installed', part), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(folder, 'installed', 'node_modules'));
  return join(folder, 'installed', 'bin', 'skylift.cjs');
}

function durationMs(args: readonly string[]): number {
  const start = performance.now();
  spawnSync(process.execPath, args, { stdio: 'ignore' });
  return performance.now() - start;
}
