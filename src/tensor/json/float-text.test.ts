import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatGeneral, tensorflowFloatText } from './float-text.ts';

/** C's %g by exact integer arithmetic: slow, and with nothing in common with the code under test. */
function slowGeneral(value: number, digits: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0';
  const words = new DataView(new ArrayBuffer(8));
  words.setFloat64(0, Math.abs(value));
  const bits = words.getBigUint64(0);
  const field = Number(bits >> 52n);
  const fraction = bits & (2n ** 52n - 1n);
  const power = Math.max(field, 1) - 1075;
  const integer = field === 0 ? fraction : fraction + 2n ** 52n;
  const numerator = power > 0 ? integer << BigInt(power) : integer;
  const denominator = power > 0 ? 1n : 1n << BigInt(-power);
  let exponent = Math.floor(Math.log10(Math.abs(value)));
  const scaled = (exponent: number): [bigint, bigint] => {
    const shift = digits - 1 - exponent;
    return shift >= 0
      ? [numerator * 10n ** BigInt(shift), denominator]
      : [numerator, denominator * 10n ** BigInt(-shift)];
  };
  const rounded = (exponent: number): bigint => {
    const [top, bottom] = scaled(exponent);
    const floor = top / bottom;
    const twice = (top % bottom) * 2n;
    return twice > bottom || (twice === bottom && floor % 2n === 1n) ? floor + 1n : floor;
  };
  const isAtLeast = (exponent: number): boolean =>
    scaled(exponent)[0] >= scaled(exponent)[1] * 10n ** BigInt(digits - 1);
  while (!isAtLeast(exponent)) exponent--;
  while (isAtLeast(exponent + 1)) exponent++;
  let figures = rounded(exponent).toString();
  if (figures.length > digits) exponent++;
  figures = figures.slice(0, digits).replace(/0+$/, '');
  const sign = value < 0 ? '-' : '';
  if (exponent < -4 || exponent >= digits) {
    const point = figures.length > 1 ? `.${figures.slice(1)}` : '';
    const size = String(Math.abs(exponent)).padStart(2, '0');
    return `${sign}${figures[0]}${point}e${exponent < 0 ? '-' : '+'}${size}`;
  }
  if (exponent < 0) return `${sign}0.${figures.padStart(figures.length - exponent - 1, '0')}`;
  const whole = figures.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  const rest = figures.slice(exponent + 1);
  return sign + (rest === '' ? whole : `${whole}.${rest}`);
}

test('writes the examples of TensorFlow Serving', () => {
  const cases: [number, string][] = [
    [3, '3.0'],
    [999_999, '999999.0'],
    [9e6, '9e+06'],
    [3e-5, '3e-05'],
    [555_557.5, '555557.5'],
    [0, '0.0'],
    [-0, '-0.0'],
    [1_234_567, '1234567.0'],
    [NaN, 'NaN'],
    [Infinity, 'Infinity'],
    [-Infinity, '-Infinity'],
  ];
  for (const [value, text] of cases) assert.equal(tensorflowFloatText(value, 'float32'), text);
  assert.equal(tensorflowFloatText(Math.fround(0.1), 'float32'), '0.1');
  assert.equal(tensorflowFloatText(0.1, 'float64'), '0.1');
  assert.equal(tensorflowFloatText(1 / 3, 'float64'), '0.33333333333333331');
});

test('rounds exact ties to even, as C does and toPrecision does not', () => {
  assert.equal(formatGeneral(0.125, 2), '0.12');
  assert.equal(formatGeneral(0.375, 2), '0.38');
  assert.equal(formatGeneral(0.12500000000000003, 2), '0.13');
  assert.equal(formatGeneral(105 / 1024, 9), '0.102539062'); // 0.1025390625
});

test('property: %g is that of exact arithmetic', () => {
  const tie = fc.tuple(fc.integer({ min: 1, max: 2 ** 24 }), fc.integer({ min: 0, max: 30 }));
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    tie.map(([integer, power]) => integer / 2 ** power),
    fc.constantFrom(0.99999949, 999999.5, 9.9999995e-5, 5e-324, Number.MAX_VALUE),
  );
  fc.assert(
    fc.property(value, fc.constantFrom(6, 9, 17), (number, digits) => {
      assert.equal(formatGeneral(number, digits), slowGeneral(number, digits));
    }),
    { numRuns: 3000 },
  );
});
