/**
 * JSON number lists of one 224 x 224 x 3 image: the scanner against `JSON.parse` with a hand-written copy, and the
 * writer against `JSON.stringify`. Both sides alternate within one run; compare the ratios, not the times.
 */
import { LIMITS } from '../src/core/limits.ts';
import { numberScanner } from '../src/tensor/json/scan-numbers.ts';
import { writeValues } from '../src/tensor/json/write-values.ts';
import { tensor } from '../src/tensor/values.ts';
import { compare } from './support/table.ts';
import type { Row } from './support/table.ts';

const DIMS = [224, 224, 3] as const;
const COUNT = DIMS[0] * DIMS[1] * DIMS[2];
const ROUNDS = 41;
const SCENARIO = 'JSON of one image, one thread, against JSON.parse or JSON.stringify';
const SCAN_LIMITS = {
  maxRank: LIMITS.max_tensor_rank.default,
  maxElements: LIMITS.max_tensor_elements.default,
};

/** Runs all comparisons; takes about five seconds. */
export function benchJson(): Row[] {
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

function compareScan(name: string, dims: readonly number[], spell: (random: number) => string): Row {
  const body = Buffer.from(nest(randoms().map(spell), dims));
  return race(
    name,
    body.length,
    () => numberScanner.scan(body, 0, 'float32', SCAN_LIMITS),
    () => flatten(JSON.parse(body.toString()) as Nested, new Float32Array(COUNT)),
  );
}

function compareWrite(name: string, valueOf: (random: number) => number): Row {
  const values = Float32Array.from(randoms(), valueOf);
  const image = tensor('float32', DIMS, values);
  const text = writeValues(image);
  return race(
    name,
    text.length,
    () => writeValues(image),
    () => JSON.stringify(unflatten(values)),
  );
}

function race(figure: string, sizeBytes: number, ours: () => unknown, rival: () => unknown): Row {
  const megabytesPerSecond = (action: () => unknown): number => sizeBytes / 1e6 / (timeMs(action) / 1000);
  const oursSpeeds: number[] = [];
  const rivalSpeeds: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    oursSpeeds.push(megabytesPerSecond(ours));
    rivalSpeeds.push(megabytesPerSecond(rival));
  }
  return compare({ scenario: SCENARIO, figure, unit: 'MB/s' }, oursSpeeds, rivalSpeeds);
}

function timeMs(action: () => unknown): number {
  const start = performance.now();
  action();
  return performance.now() - start;
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
