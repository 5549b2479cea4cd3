/**
 * float16 (IEEE 754 binary16) and bfloat16 as 16-bit patterns. Numbers round to the nearest value, ties to even, in
 * one step from the double: going through float32 first would round twice.
 */

const FLOAT64 = new Float64Array(1);
const FLOAT64_WORDS = new Uint32Array(FLOAT64.buffer); // low word first
const FLOAT32 = new Float32Array(1);
const FLOAT32_BITS = new Uint32Array(FLOAT32.buffer);

/** Layout of a 16-bit float: bits of the fraction, and the exponent of its smallest normal value. */
interface HalfFormat {
  readonly fractionBits: number;
  readonly minExponent: number;
}

const FLOAT16: HalfFormat = { fractionBits: 10, minExponent: -14 };
const BFLOAT16: HalfFormat = { fractionBits: 7, minExponent: -126 };

/** Bits of the float16 nearest to `value`; beyond 65520 they are those of Infinity. */
export function float16Bits(value: number): number {
  return halfBits(value, FLOAT16);
}

/** Bits of the bfloat16 nearest to `value`. */
export function bfloat16Bits(value: number): number {
  return halfBits(value, BFLOAT16);
}

/** The value of a float16 bit pattern. */
export function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (0x400 + fraction) * 2 ** (exponent - 25);
}

/** The value of a bfloat16 bit pattern: the upper half of a float32. */
export function bfloat16Value(bits: number): number {
  FLOAT32_BITS[0] = bits << 16;
  return FLOAT32[0] ?? 0;
}

function halfBits(value: number, { fractionBits, minExponent }: HalfFormat): number {
  const infinity = (0x7fff >> fractionBits) << fractionBits;
  if (Number.isNaN(value)) return infinity | (1 << (fractionBits - 1));
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  const exponent = Math.max(binaryExponent(magnitude), minExponent);
  const steps = roundToEven(magnitude * 2 ** (fractionBits - exponent)); // exact: a power of two
  const bits = steps + (exponent - minExponent) * 2 ** fractionBits; // a carry moves on to the exponent
  return sign | Math.min(bits, infinity);
}

/** Floor of the binary logarithm of a normal double; less than any half needs for 0 and subnormals. */
function binaryExponent(magnitude: number): number {
  FLOAT64[0] = magnitude;
  return ((FLOAT64_WORDS[1] ?? 0) >>> 20) - 1023;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
