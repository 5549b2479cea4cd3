/**
 * JSON number lists of one 224 x 224 x 3 image: the scanner against `JSON.parse` with a hand-written copy, and the
 * writer against `JSON.stringify`. Both sides alternate within one run; compare the ratios, not the times.
 */
import { LIMITS } from '../src/core/limits.ts';
import { numberScanner } from '../src/tensor/json/scan-numbers.ts';
import { writeValues } from '../src/tensor/json/write-values.ts';
import { tensor } from '../src/tensor/values.ts';

const DIMS = [224, 224, 3] as const;
const COUNT = DIMS[0] * DIMS[1] * DIMS[2];
const ROUNDS = 41;
const SCAN_LIMITS = {
  maxRank: LIMITS.max_tensor_rank.default,
  maxElements: LIMITS.max_tensor_elements.default,
};

/** Medians of one comparison; `ratio` is how many times faster ours is than the rival. */
export interface JsonBenchResult {
  readonly name: string;
  /** Megabytes of JSON text per second. */
  readonly oursMBps: number;
  readonly rivalMBps: number;
  readonly ratio: number;
}

/** Runs all comparisons; takes about five seconds. */
export function benchJson(): JsonBenchResult[] {
  const texts: [string, (random: number) => string][] = [
    ['2 decimals', (random) => (random * 100).toFixed(2)],
    ['17 digits', (random) => (random * 0.9 + 0.1).toFixed(17)],
  ];
  const scans = texts.flatMap(([name, spell]) => [
    compareScan(`read a flat list, ${name}`, [COUNT], spell),
    compareScan(`read nested lists, ${name}`, DIMS, spell),
  ]);
  return [
    ...scans,
    compareWrite('write nested lists, random float32', (random) => random),
    compareWrite('write nested lists, 2 decimals', (random) => Math.round(random * 100) / 100),
  ];
}

function compareScan(
  name: string,
  dims: readonly number[],
  spell: (random: number) => string,
): JsonBenchResult {
  const body = Buffer.from(nest(randoms().map(spell), dims));
  return compare(
    name,
    body.length,
    () => numberScanner.scan(body, 0, 'float32', SCAN_LIMITS),
    () => flatten(JSON.parse(body.toString()) as Nested, new Float32Array(COUNT)),
  );
}

function compareWrite(name: string, valueOf: (random: number) => number): JsonBenchResult {
  const values = Float32Array.from(randoms(), valueOf);
  const image = tensor('float32', DIMS, values);
  const text = writeValues(image);
  return compare(
    name,
    text.length,
    () => writeValues(image),
    () => JSON.stringify(unflatten(values)),
  );
}

function compare(
  name: string,
  sizeBytes: number,
  ours: () => unknown,
  rival: () => unknown,
): JsonBenchResult {
  const oursMs: number[] = [];
  const rivalMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    oursMs.push(timeMs(ours));
    rivalMs.push(timeMs(rival));
  }
  const megabytes = sizeBytes / 1e6;
  const oursMBps = megabytes / (median(oursMs) / 1000);
  const rivalMBps = megabytes / (median(rivalMs) / 1000);
  return { name, oursMBps, rivalMBps, ratio: oursMBps / rivalMBps };
}

function timeMs(action: () => unknown): number {
  const start = performance.now();
  action();
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

/** Reproducible numbers from 0 to 1 (linear congruential generator of Numerical Recipes). */
function randoms(): number[] {
  let state = 1;
  return Array.from({ length: COUNT }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  });
}

function nest(texts: readonly string[], dims: readonly number[]): string {
  let parts = texts;
  for (const dim of dims.toReversed())
    parts = Array.from({ length: parts.length / dim }, (_, row) => {
      return `[${parts.slice(row * dim, (row + 1) * dim).join(',')}]`;
    });
  return parts.join('');
}

type Nested = readonly (number | Nested)[];

function flatten(list: Nested, into: Float32Array): Float32Array {
  let at = 0;
  const visit = (nested: Nested): void => {
    for (const element of nested)
      if (typeof element === 'number') into[at++] = element;
      else visit(element);
  };
  visit(list);
  return into;
}

function unflatten(values: Float32Array): number[][][] {
  const [height, width, channels] = DIMS;
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const start = (y * width + x) * channels;
      return [...values.subarray(start, start + channels)];
    }),
  );
}

if (import.meta.main) console.table(benchJson());
