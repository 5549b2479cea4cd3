/** Under what conditions a run of the benchmark took place. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import type { BenchContext } from './bench-context.ts';

/** Names and values, ready to print. */
export type Conditions = Readonly<Record<string, string>>;

/** Notes the time and the load of the machine now; the answer says how things stand at the end. */
export function watchConditions(): (context: BenchContext) => Conditions {
  const startedAt = new Date();
  const startedFrom = commit();
  const [loadBefore = Number.NaN] = loadavg();
  const before = cpuJiffies();
  return ({ rounds, durationMs }) => {
    const after = cpuJiffies();
    const stolen = (after.stolen - before.stolen) / (after.total - before.total);
    const minutes = (Date.now() - startedAt.getTime()) / 60_000;
    return {
      date: `${startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${minutes.toFixed(1)} minutes`,
      commit: startedFrom,
      command: ['npm run bench --', ...process.argv.slice(2)].join(' '),
      CPU: `${cpus()[0]?.model.trim()}, ${availableParallelism()} cores`,
      memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      system: `${process.platform} ${release()}`,
      versions: `Node ${process.version}, onnxruntime-node ${onnxruntimeVersion()}`,
      rounds: `${rounds} interleaved rounds of ${durationMs / 1000} s after a warm-up; load generators on the same cores, nothing pinned`,
      noise: `load average before the run ${loadBefore.toFixed(2)}; ${(100 * stolen).toFixed(1)} % of the CPU time taken by the hypervisor; the lowest and highest round stand behind each ratio`,
    };
  };
}

/** Clock ticks of all cores since the machine started (proc(5), /proc/stat). */
function cpuJiffies(): { readonly total: number; readonly stolen: number } {
  try {
    const [line = ''] = readFileSync('/proc/stat', 'latin1').split('\n');
    const [, ...ticks] = line.split(/\s+/).map(Number);
    return { total: ticks.slice(0, 8).reduce((sum, each) => sum + each, 0), stolen: ticks[7] ?? 0 };
  } catch {
    return { total: Number.NaN, stolen: Number.NaN };
  }
}

function onnxruntimeVersion(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return version;
}

function commit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}
