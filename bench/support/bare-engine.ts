/** Runs the bare engine in a process of its own: what no server around it can beat. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BenchContext } from './bench-context.ts';
import { IMAGE_DIMS, imageFile } from './image.ts';

export interface BareRun {
  readonly p50Ms: number;
  readonly runs: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Numbers of the first output. */
  readonly output: readonly number[];
}

const PROGRAM = fileURLToPath(new URL('../rivals/bare-engine.mjs', import.meta.url));
/** Beyond the length of the measurement; then it is ended. */
const GRACE_MS = 60_000;

/** `image` through `model` again and again for `durationMs` with one thread. */
export async function runBare(
  { folder }: Pick<BenchContext, 'folder'>,
  model: string,
  durationMs: number,
): Promise<BareRun> {
  const file = await imageFile(folder);
  const args = [PROGRAM, model, '1', String(durationMs / 1000), 'image', IMAGE_DIMS.join(','), file];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: durationMs + GRACE_MS });
  return JSON.parse(stdout) as BareRun; // what our own program printed
}
