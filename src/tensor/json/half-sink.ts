/** Reads decimal text into float16 or bfloat16: as doubles first, then rounded once. */
import { bfloat16Bits, float16Bits } from '../half.ts';
import { bytesOf } from '../packed.ts';
import { FloatSink } from './float-sink.ts';

/** A sink for float16 or bfloat16. */
export class HalfSink extends FloatSink {
  readonly #bitsOf: (value: number) => number;

  constructor(dtype: 'float16' | 'bfloat16') {
    super('float64');
    this.#bitsOf = dtype === 'float16' ? float16Bits : bfloat16Bits;
  }

  override finish(count: number): Uint8Array {
    const bits = new Uint16Array(count);
    new Float64Array(super.finish(count).buffer, 0, count).forEach((value, index) => {
      bits[index] = this.#bitsOf(value); // Uint16Array.from goes through an iterator, ten times as slow
    });
    return bytesOf(bits);
  }
}
