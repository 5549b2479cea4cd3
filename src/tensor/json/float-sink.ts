/** Collects decimal text as float32 or float64: plain numbers in a fast loop, all other tokens through Number. */
import { numberOfText } from './grammar.ts';
import type { NumberSink, ScanState, TokenOutcome } from './number-sink.ts';
import { takeFloats } from './take-floats.ts';

/** A sink for float32 or float64. */
export class FloatSink implements NumberSink {
  readonly #isSingle: boolean;
  #values: Float32Array | Float64Array;

  constructor(dtype: 'float32' | 'float64', room: number) {
    this.#isSingle = dtype === 'float32';
    this.#values = this.#isSingle ? new Float32Array(room) : new Float64Array(room);
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
    return new Uint8Array(this.#values.buffer, 0, count * this.#values.BYTES_PER_ELEMENT);
  }

  takeRun(state: ScanState): boolean {
    return takeFloats(state, this.#values, this.#isSingle);
  }
}
