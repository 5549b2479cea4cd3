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
    const doubles = super.finish(count);
    return bytesOf(Uint16Array.from(new Float64Array(doubles.buffer, 0, count), this.#bitsOf));
  }
}
