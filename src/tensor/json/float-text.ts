/**
 * Floats as text, as TensorFlow Serving writes them (tensorflow_serving/util/json_tensor.cc): six digits
 * as C's %g if they read back as the same value of the type, else %.9g (float32) or %.17g (float64).
 */

/** Floats of which type: digits differ because reading back rounds to the type. */
export type FloatPrecision = 'float32' | 'float64';

/** No double is nearer to a tie without being one: its decimal expansion would end later. */
const EXACT_DIGITS = 99;
const SHORT_DIGITS = 6;
const FULL_DIGITS: Readonly<Record<FloatPrecision, number>> = { float32: 9, float64: 17 };

/** TensorFlow Serving's text of a float: always with a point or exponent; NaN, Infinity, -Infinity. */
export function tensorflowFloatText(value: number, type: FloatPrecision): string {
  if (!Number.isFinite(value)) return String(value);
  const isShort = readsBack(value.toPrecision(SHORT_DIGITS), value, type);
  const text = formatGeneral(value, isShort ? SHORT_DIGITS : FULL_DIGITS[type]);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** C's `%.{digits}g` of a finite number, `digits` at least 2; exact ties round to even as in glibc. */
export function formatGeneral(value: number, digits: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const text = toExponential(Math.abs(value), digits);
  const mark = text.indexOf('e');
  const exponent = Number(text.slice(mark + 1));
  let last = mark - 1;
  while (last > 1 && text[last] === '0') last--;
  const figures = text[0] + text.slice(2, last + 1);
  if (exponent < -4 || exponent >= digits) return sign + scientific(figures, exponent);
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${figures}`;
  const point = exponent + 1;
  if (figures.length <= point) return sign + figures.padEnd(point, '0');
  return `${sign}${figures.slice(0, point)}.${figures.slice(point)}`;
}

function scientific(figures: string, exponent: number): string {
  const fraction = figures.length > 1 ? `.${figures.slice(1)}` : '';
  const exponentDigits = String(Math.abs(exponent)).padStart(2, '0');
  return `${figures[0]}${fraction}e${exponent < 0 ? '-' : '+'}${exponentDigits}`;
}

/** `Number.toExponential` rounds ties up; an exact tie before an even digit must go down. */
function toExponential(value: number, digits: number): string {
  const rounded = value.toExponential(digits - 1);
  const oneMore = value.toExponential(digits);
  if (oneMore[digits + 1] !== '5') return rounded; // cannot be a tie
  const [exact = '', exponent] = value.toExponential(EXACT_DIGITS).split('e');
  const isTie = /^0*$/.test(exact.slice(digits + 2));
  const isEven = Number(exact[digits]) % 2 === 0;
  return isTie && isEven ? `${exact.slice(0, digits + 1)}e${exponent}` : rounded;
}

function readsBack(text: string, value: number, type: FloatPrecision): boolean {
  const read = Number(text);
  return (type === 'float32' ? Math.fround(read) : read) === value;
}
