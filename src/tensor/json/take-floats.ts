/**
 * The hot loop of float tensors. Results are those of `Math.fround(Number(text))` and `Number(text)` to the last bit: a
 * mantissa below 2^53 and an exact power of ten give the nearest double in one operation (Clinger, "How to Read
 * Floating Point Numbers Accurately", 1990); for float32 a longer text is safe when everything within the error bound
 * of its approximation rounds to the same float32. It leaves all other texts to the caller.
 */
import { listGap } from './number-sink.ts';
import type { ScanState } from './number-sink.ts';
import { POWERS_OF_TEN } from './powers-of-ten.ts';

/** Start of the last token that needs no look at the end of the document before the first word is loaded. */
const LOOK_AHEAD_BYTES = 16;

/**
 * Takes numbers in plain spelling, as `NumberSink.takeRun` asks, into `values`. It is one long piece with literals on
 * purpose: a call, a field or a named constant per number costs up to a third of the speed. The literals are:
 * 45 minus, 48 zero, -2 point less zero, 0x35 `e` or `E` less zero, 44 comma, 32 space;
 * 9007199254740992 = 2^53, below which integers are exact; 22, up to which powers of ten are (5^22 < 2^53);
 * 250, scale beyond which a double may be subnormal and its relative error unbounded;
 * 1.4210854715202004e-14 = 2^-46, several times the error of at most 28 characters of digits: two roundings of 2^-53
 * for each digit beyond 2^53 and three for the scaling.
 */
// oxlint-disable-next-line complexity, max-lines-per-function
export function takeFloats(
  state: ScanState,
  values: Float32Array | Float64Array,
  isSingle: boolean,
): boolean {
  const { bytes, view } = state;
  const powers = POWERS_OF_TEN;
  const room = values.length;
  const lastStart = bytes.length - LOOK_AHEAD_BYTES;
  const lastWord = bytes.length - 4;
  const { listSize } = state;
  let { at, count, listStart } = state;
  let isDue = true;
  while (count < room && at < lastStart) {
    const first = bytes[at] ?? 0;
    const sign = (~first >> 4) & 1; // bit 4 is set in digits, clear in a minus: no branch to guess wrong
    if (((first ^ 45) & -sign) !== 0) break;
    let end = at + sign;
    const lead = (bytes[end] ?? 0) - 48;
    if (lead >>> 0 > 9) break;
    let mantissa = lead;
    let next = (bytes[++end] ?? 0) - 48;
    if (next >>> 0 <= 9 && lead === 0) break;
    while (next >>> 0 <= 9) {
      mantissa = mantissa * 10 + next;
      next = (bytes[++end] ?? 0) - 48;
    }
    let scale = 0;
    if (next === -2) {
      const fraction = ++end;
      let word = end <= lastWord ? view.getInt32(end, true) : 0;
      while (areDigits(word)) {
        mantissa = mantissa * 10000 + valueOfDigits(word);
        end += 4;
        if (end > lastWord) break;
        word = view.getInt32(end, true);
      }
      next = (bytes[end] ?? 0) - 48;
      while (next >>> 0 <= 9) {
        mantissa = mantissa * 10 + next;
        next = (bytes[++end] ?? 0) - 48;
      }
      scale = end - fraction;
      if (scale === 0) break;
    }
    const digitsEnd = end;
    if ((next | 0x20) === 0x35) {
      const exponent = plainExponent(bytes, end + 1);
      if (exponent === 0) break;
      scale -= exponent >> 3;
      end += 1 + (exponent & 7);
    }
    let value;
    if (mantissa < 9007199254740992 && scale >>> 0 <= 22) value = mantissa / (powers[scale] as number);
    else {
      if (scale > 250 || scale < -250) break;
      value = scale < 0 ? mantissa * (powers[-scale] as number) : mantissa / (powers[scale] as number);
      if (mantissa >= 9007199254740992 || scale > 22 || scale < -22) {
        if (!isSingle || digitsEnd - at > 28) break;
        const error = value * 1.4210854715202004e-14;
        if (Math.fround(value - error) !== Math.fround(value + error)) break;
      }
    }
    values[count++] = value * (1 - 2 * sign);
    at = end;
    if (bytes[end] !== 44) {
      const gap = count - listStart === listSize ? listGap(bytes, end) : 0;
      isDue = gap > 0;
      if (!isDue) break;
      listStart = count;
      state.listsClosed++;
      at += gap - 1;
    }
    at++;
    if (bytes[at] === 32) at++;
  }
  state.at = at;
  state.count = count;
  state.listStart = listStart;
  return isDue;
}

/** True when all four bytes of a little-endian word are the characters 0 to 9. */
function areDigits(word: number): boolean {
  return (((word & 0xf0f0f0f0) ^ 0x30303030) | (((word + 0x06060606) & 0xf0f0f0f0) ^ 0x30303030)) === 0;
}

/** The number that the four digits of a little-endian word spell. */
function valueOfDigits(word: number): number {
  const digits = word & 0x0f0f0f0f;
  const pairs = (digits * 10 + (digits >>> 8)) & 0x00ff00ff;
  return (pairs * 100 + (pairs >>> 16)) & 0xffff;
}

/** Exponent of up to three digits at `offset`, times 8, plus its length in bytes; 0 if it is not so plain. */
function plainExponent(bytes: Uint8Array, offset: number): number {
  const sign = bytes[offset];
  const start = sign === 0x2d || sign === 0x2b ? offset + 1 : offset;
  let at = start;
  let exponent = 0;
  for (; at < start + 4; at++) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit >>> 0 > 9) break;
    exponent = exponent * 10 + digit;
  }
  if (at === start || at === start + 4) return 0;
  return ((sign === 0x2d ? -exponent : exponent) << 3) | (at - offset);
}
