/** Ids of traces and spans from the operating system's random numbers, many at a time: one call for each would cost more than a span. */
import { randomBytes } from 'node:crypto';

const POOL_BYTES = 4096;
const TRACE_ID_CHARS = 32;
const SPAN_ID_CHARS = 16;
const ALL_ZERO = /^0+$/;

export class SpanIds {
  #pool = '';
  #at = 0;

  traceId(): string {
    return this.#take(TRACE_ID_CHARS);
  }

  spanId(): string {
    return this.#take(SPAN_ID_CHARS);
  }

  #take(chars: number): string {
    if (this.#at + chars > this.#pool.length) {
      this.#pool = randomBytes(POOL_BYTES).toString('hex');
      this.#at = 0;
    }
    const id = this.#pool.slice(this.#at, (this.#at += chars));
    return ALL_ZERO.test(id) ? this.#take(chars) : id; // no id, says W3C Trace Context
  }
}
