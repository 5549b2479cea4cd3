/** Choices of a fuzzer. */
import type { Rng } from '../../src/core/random.ts';

/** One of the items; undefined when there is none. */
export function pick<T>(items: readonly [T, ...T[]], rng: Rng): T;
export function pick<T>(items: readonly T[], rng: Rng): T | undefined;
export function pick<T>(items: readonly T[], rng: Rng): T | undefined {
  return items[rng.u32() % Math.max(1, items.length)];
}
