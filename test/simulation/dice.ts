/** Draws of a seeded world. */
import assert from 'node:assert/strict';
import type { Rng } from '../../src/core/random.ts';

export class Dice {
  readonly #rng: Rng;

  constructor(rng: Rng) {
    this.#rng = rng;
  }

  /** A whole number, both ends included. */
  int(from: number, to: number): number {
    return from + (this.#rng.u32() % (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.#rng.float() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.#rng.u32() % items.length];
    assert.ok(item !== undefined);
    return item;
  }
}
