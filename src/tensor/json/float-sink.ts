/** Collects decimal text as float32 or float64: plain numbers in a fast loop, all other tokens through Number. */
import { numberOfText } from './grammar.ts';
import type { NumberSink, ScanState, TokenOutcome } from './number-sink.ts';
import { takeFloats } from './take-floats.ts';

/** Numbers that are collected in shared arrays and copied out: an array of its own costs more than a few numbers. */
const SHARED_ROOM = 256;
const sharedSingles = new Float32Array(SHARED_ROOM); // a scan neither waits nor calls back: one at a time
const sharedDoubles = new Float64Array(SHARED_ROOM);
const sharedSingleBytes = new Uint8Array(sharedSingles.buffer);
const sharedDoubleBytes = new Uint8Array(sharedDoubles.buffer);

/** A sink for float32 or float64. */
export class FloatSink implements NumberSink {
  readonly #isSingle: boolean;
  #values: Float32Array | Float64Array;

  constructor(dtype: 'float32' | 'float64') {
    this.#isSingle = dtype === 'float32';
    this.#values = this.#isSingle ? sharedSingles : sharedDoubles;
  }

  get room(): number {
    return this.#values.length;
  }

  grow(room: number): void {
    const grown = this.#isSingle ? new Float32Array(room) : new Float64Array(room);
    grown.set(this.#values);
    this.#values = grown;
  }

  takeToken(token: string, count: number): TokenOutcome {
    this.#values[count] = numberOfText(token);
    return 'taken';
  }

  finish(count: number): Uint8Array {
    if (this.#values === sharedSingles) return sharedSingleBytes.slice(0, count * 4);
    if (this.#values === sharedDoubles) return sharedDoubleBytes.slice(0, count * 8);
    return new Uint8Array(this.#values.buffer, 0, count * this.#values.BYTES_PER_ELEMENT);
  }

  takeRun(state: ScanState): boolean {
    return takeFloats(state, this.#values, this.#isSingle);
  }
}
