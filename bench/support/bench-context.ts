/** What every part of the benchmark gets. */
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import { halfPlusTwo } from '../../test/support/onnx-models.ts';
import { cached } from './cache.ts';
import type { Contender } from './contenders.ts';
import { mobileNetV2, resNet50 } from './nets.ts';

export interface BenchContext {
  readonly rounds: number;
  /** Length of one measured load. */
  readonly durationMs: number;
  /** For files of one run. */
  readonly folder: string;
  /** Of the product. */
  readonly storeDir: string;
  /** Says in one line that something is left out, and why. */
  readonly skip: (line: string) => void;
}

/** A rival that this machine may be unable to build or run: then it is skipped. */
export async function optional(
  context: BenchContext,
  name: string,
  start: (name: string) => Promise<Contender>,
): Promise<readonly Contender[]> {
  try {
    return [await start(name)];
  } catch (error) {
    context.skip(`${name}: ${reasonOf(error)}`);
    return [];
  }
}

/** One line; of a failed program what it said last. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const said = 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : '';
  return said || (error.message.split('\n')[0] ?? '');
}

/** Path of y = 0.5 x + 2. */
export async function tinyModel({ folder }: BenchContext): Promise<string> {
  const path = join(folder, 'half_plus_two.onnx');
  await writeFile(path, halfPlusTwo());
  return path;
}

/** An image network, made when it is first asked for. */
export function imageNet(name: ImageNet): Promise<string> {
  const source = fileURLToPath(new URL('nets.ts', import.meta.url));
  return cached(`${name}.onnx`, [source], (path) => writeFile(path, NETS[name]()));
}

const NETS = { 'MobileNetV2-sized': mobileNetV2, 'ResNet-50-sized': resNet50 };
export type ImageNet = keyof typeof NETS;
