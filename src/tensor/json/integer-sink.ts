/**
 * Reads integers exactly. Up to 32 bits they are collected as int32 words (uint32 wraps to the same bits) and narrowed
 * at the end; 64-bit integers are two words each, low word first.
 */
import { INTEGER_RANGE } from '../elements.ts';
import type { IntegerType } from '../elements.ts';
import { ARRAY_OF_TYPE, bytesOf } from '../packed.ts';
import { listGap } from './number-sink.ts';
import type { NumberSink, ScanState, TokenOutcome } from './number-sink.ts';

/** Plain tokens have no more digits, so that a double holds them exactly. */
const MOST_DIGITS = 15;

/** The loop may read so far behind the start of a token without looking at the end of the document. */
const LOOK_AHEAD_BYTES = MOST_DIGITS + 4;

/** Sign and digits of the largest 64-bit integers. */
const LONGEST_INTEGER = 20;

/** A sink for one integer dtype. */
export class IntegerSink implements NumberSink {
  readonly #dtype: IntegerType;
  readonly #wordsEach: 1 | 2;
  readonly #least: number;
  readonly #most: number;
  #words: Int32Array;

  constructor(dtype: IntegerType, room: number) {
    this.#dtype = dtype;
    this.#wordsEach = dtype === 'int64' || dtype === 'uint64' ? 2 : 1;
    const [least, most] = INTEGER_RANGE[dtype];
    this.#least = Number(least); // bounds of the 64-bit types lie far beyond any plain token
    this.#most = Number(most);
    this.#words = new Int32Array(room * this.#wordsEach);
  }

  get room(): number {
    return this.#words.length / this.#wordsEach;
  }

  grow(room: number): void {
    const grown = new Int32Array(room * this.#wordsEach);
    grown.set(this.#words);
    this.#words = grown;
  }

  takeRun(state: ScanState): boolean {
    const { bytes } = state;
    const { room } = this;
    const lastStart = bytes.length - LOOK_AHEAD_BYTES;
    let { at, count } = state;
    let isDue = true;
    while (count < room && at < lastStart) {
      const isNegative = bytes[at] === 45; // literals: an imported constant is a load and a check per byte
      const start = isNegative ? at + 1 : at;
      const mostEnd = start + MOST_DIGITS;
      let end = start;
      let magnitude = 0;
      let next = (bytes[end] as number) - 48; // in bounds, as all bytes of a plain token are
      while (next >>> 0 <= 9 && end < mostEnd) {
        magnitude = magnitude * 10 + next;
        next = (bytes[++end] as number) - 48;
      }
      if (!isPlainInteger(bytes, start, end)) break;
      const value = isNegative ? -magnitude : magnitude;
      if (value < this.#least || value > this.#most) break;
      this.#store(count++, value);
      at = end;
      if (next !== -4) {
        const gap = count - state.listStart === state.listSize ? listGap(bytes, end) : 0;
        isDue = gap > 0;
        if (!isDue) break;
        state.listStart = count;
        state.listsClosed++;
        at += gap - 1;
      }
      at++; // behind the comma, or the bracket that opens
      if (bytes[at] === 32) at++;
    }
    state.at = at;
    state.count = count;
    return isDue;
  }

  takeToken(token: string, count: number): TokenOutcome {
    if (!/^-?\d+$/.test(token)) return 'wrong-type';
    if (token.length <= MOST_DIGITS) {
      const value = Number(token);
      if (value < this.#least || value > this.#most) return 'range';
      this.#store(count, value);
      return 'taken';
    }
    if (token.length > LONGEST_INTEGER) return 'range'; // the grammar has no leading zeros
    const value = BigInt(token);
    const [least, most] = INTEGER_RANGE[this.#dtype];
    if (value < least || value > most) return 'range';
    this.#storeWords(count, Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n)));
    return 'taken';
  }

  finish(count: number): Uint8Array {
    if (this.#wordsEach === 2 || this.#dtype === 'int32' || this.#dtype === 'uint32')
      return new Uint8Array(this.#words.buffer, 0, count * this.#wordsEach * Int32Array.BYTES_PER_ELEMENT);
    const words = this.#words.subarray(0, count);
    return bytesOf(ARRAY_OF_TYPE[this.#dtype as 'int8' | 'int16' | 'uint8' | 'uint16'].from(words));
  }

  /** Stores a value that is a safe integer. */
  #store(index: number, value: number): void {
    if (this.#wordsEach === 1) this.#words[index] = value;
    else this.#storeWords(index, value, Math.floor(value / 2 ** 32));
  }

  #storeWords(index: number, low: number, high: number): void {
    this.#words[2 * index] = low;
    this.#words[2 * index + 1] = high;
  }
}

/** True when the digits from `start` to `end` are all there is of the token, with no leading zero. */
function isPlainInteger(bytes: Uint8Array, start: number, end: number): boolean {
  if (end === start || (bytes[start] === 48 && end > start + 1)) return false;
  const after = bytes[end] as number; // a digit more, a point or an exponent
  return after !== 46 && (after | 0x20) !== 0x65 && (after < 48 || after > 57);
}
