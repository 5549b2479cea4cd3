/**
 * Writes floats in TensorFlow Serving's form straight into bytes. Values between 1e-14 and 1e6, which outputs of models
 * mostly are, need only arithmetic on at most nine digits; all others go through float-text.
 */
import type { ByteWriter } from './byte-writer.ts';
import { tensorflowFloatText } from './float-text.ts';
import type { FloatPrecision } from './float-text.ts';
import { DOT, MINUS, ZERO } from './grammar.ts';
import { POWERS_OF_TEN } from './powers-of-ten.ts';

/** Longest text of the direct form: sign, six digits, point, twelve digits. */
const LONGEST_BYTES = 24;

/** Inexact products are off by less than 2^-23 near 2^30; so far from a half they round the right way. */
const SAFE_DISTANCE = 2 ** -20;

/** Writes one value; float16 and bfloat16 count as float32. */
export function writeFloat(writer: ByteWriter, value: number, type: FloatPrecision): void {
  const magnitude = Math.abs(value);
  writer.reserve(LONGEST_BYTES);
  const start = writer.at;
  if (value < 0) writer.bytes[writer.at++] = MINUS;
  if (magnitude >= 1e-4 && magnitude < 1e6 && writePlain(writer, magnitude, type)) return;
  if (magnitude >= 1e-14 && magnitude < 1e-4 && writeTiny(writer, magnitude, type)) return;
  writer.at = start;
  if (value === 0) writer.ascii(Object.is(value, -0) ? '-0.0' : '0.0');
  else writer.ascii(tensorflowFloatText(value, type));
}

/** Writes 1e-4 to 1e6 without an exponent; false if it takes more than nine digits. */
function writePlain(writer: ByteWriter, magnitude: number, type: FloatPrecision): boolean {
  const exponent = decimalExponent(magnitude);
  const scale = POWERS_OF_TEN[5 - exponent] ?? 1;
  const short = Math.round(magnitude * scale);
  const read = short / scale;
  if ((type === 'float32' ? Math.fround(read) : read) === magnitude) writeFixed(writer, short, 5 - exponent);
  else if (type === 'float32') writeFixed(writer, nineDigits(magnitude, exponent), 8 - exponent);
  else return false;
  return true;
}

/** Writes 1e-14 to 1e-4 with an exponent; false if the digits are not certain. */
function writeTiny(writer: ByteWriter, magnitude: number, type: FloatPrecision): boolean {
  const exponent = Math.floor(Math.log10(magnitude));
  const scale = POWERS_OF_TEN[5 - exponent] ?? 1;
  const short = Math.round(magnitude * scale);
  if (short < 100_000 || short >= 1_000_000) return false; // on the edge of a power of ten
  const read = short / scale;
  if ((type === 'float32' ? Math.fround(read) : read) === magnitude) {
    writeScientific(writer, short, 6, -exponent);
    return true;
  }
  const product = magnitude * (POWERS_OF_TEN[8 - exponent] ?? 1);
  const digits = Math.round(product);
  const isCertain = Math.abs(product - Math.floor(product) - 0.5) > SAFE_DISTANCE;
  if (type === 'float64' || !isCertain || digits >= 1_000_000_000) return false;
  writeScientific(writer, digits, 9, -exponent);
  return true;
}

/** Floor of the decimal logarithm, for 1e-4 to 1e6. */
function decimalExponent(magnitude: number): number {
  if (magnitude >= 1) {
    if (magnitude < 10) return 0;
    if (magnitude < 100) return 1;
    if (magnitude < 1000) return 2;
    if (magnitude < 10_000) return 3;
    return magnitude < 100_000 ? 4 : 5;
  }
  if (magnitude >= 0.1) return -1;
  if (magnitude >= 0.01) return -2;
  return magnitude >= 0.001 ? -3 : -4;
}

/** Nine digits of a float32, ties to even. The product is exact: 24 bits of the value, at most 28 of 5^12. */
function nineDigits(magnitude: number, exponent: number): number {
  const product = magnitude * (POWERS_OF_TEN[8 - exponent] ?? 1);
  const floor = Math.floor(product);
  const rest = product - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Writes `digits / 10^decimals` without trailing zeros but with a point. All divisions are of 32-bit integers. */
function writeFixed(writer: ByteWriter, digits: number, decimals: number): void {
  const scale = POWERS_OF_TEN[decimals] ?? 1;
  const integer = (digits / scale) | 0;
  writeInteger(writer, integer);
  let fraction = (digits - integer * scale) | 0;
  let places = decimals > 0 ? decimals : 1;
  for (let tenth = (fraction / 10) | 0; places > 1 && tenth * 10 === fraction; tenth = (fraction / 10) | 0) {
    fraction = tenth;
    places--;
  }
  const { bytes } = writer;
  bytes[writer.at] = DOT;
  writeDigits(bytes, writer.at + places, fraction, places);
  writer.at += places + 1;
}

/** Writes `count` digits, the first before the point, without trailing zeros; the exponent is -1 to -99. */
function writeScientific(writer: ByteWriter, digits: number, count: number, exponent: number): void {
  let rest = digits | 0;
  let places = count - 1;
  for (let tenth = (rest / 10) | 0; places > 0 && tenth * 10 === rest; tenth = (rest / 10) | 0) {
    rest = tenth;
    places--;
  }
  const { bytes } = writer;
  const first = (rest / (POWERS_OF_TEN[places] ?? 1)) | 0;
  bytes[writer.at++] = ZERO + first;
  if (places > 0) {
    bytes[writer.at] = DOT;
    writeDigits(bytes, writer.at + places, rest - first * (POWERS_OF_TEN[places] ?? 1), places);
    writer.at += places + 1;
  }
  bytes[writer.at++] = 0x65;
  bytes[writer.at++] = MINUS;
  writeDigits(bytes, writer.at + 1, exponent, 2);
  writer.at += 2;
}

/** Writes an integer of at most seven digits. */
function writeInteger(writer: ByteWriter, integer: number): void {
  let length = 1;
  for (let bound = 10; integer >= bound; bound *= 10) length++;
  writeDigits(writer.bytes, writer.at + length - 1, integer, length);
  writer.at += length;
}

/** Writes exactly `count` digits that end at offset `last`. */
function writeDigits(bytes: Uint8Array, last: number, integer: number, count: number): void {
  let rest = integer | 0;
  for (let at = last; at > last - count; at--) {
    const tenth = (rest / 10) | 0;
    bytes[at] = ZERO + rest - tenth * 10;
    rest = tenth;
  }
}
