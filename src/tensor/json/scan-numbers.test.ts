import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../core/errors.ts';
import { tensorValues } from '../values.ts';
import { numberScanner } from './scan-numbers.ts';
import type { NumericType, ScanResult } from './scan-numbers.ts';

const LIMITS = { maxRank: 8, maxElements: 1000 };

const scan = (text: string, dtype: NumericType = 'float32'): ScanResult =>
  numberScanner.scan(Buffer.from(text), 0, dtype, LIMITS);

const scanned = (text: string, dtype: NumericType = 'float32') => {
  const result = scan(text, dtype);
  if (result.kind !== 'tensor') return result;
  const { dims, bytes, end } = result;
  assert.equal(bytes.byteOffset, 0);
  return { dims, values: tensorValues({ dtype, dims, bytes }), end };
};

/** A number in some spelling that JSON allows. */
const spelling = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
  fc.double({ min: -1000, max: 1000, noNaN: true }).map((value) => value.toFixed(2)),
  fc.double({ min: -1, max: 1, noNaN: true }).map((value) => value.toFixed(17)),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value.toExponential()),
  fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }).map(String),
  fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.bigInt({ min: 0n, max: 10n ** 25n }),
      fc.stringMatching(/^\d{1,30}$/),
      fc.integer({ min: -340, max: 280 }), // beyond, the greatest would be no double
    )
    .map(([sign, integer, fraction, exponent]) => `${sign}${integer}.${fraction}E${exponent}`),
  fc.constantFrom('0', '-0', '0.0', '1e0308', '-1e39', '1e-400', '9007199254740993', '0.1e1', '5E+2', '1e05'),
);

const space = fc.constantFrom('', '', '', ' ', '\n  ', '\t\r');

/** The text of a rectangular list of numbers, or of one number. */
const document = fc
  .tuple(
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    fc.infiniteStream(spelling),
    space,
    space,
    fc.constantFrom(',', ', '),
  )
  .map(([dims, spellings, before, after, comma]) => {
    const write = (level: number): string => {
      const length = dims[level];
      if (length === undefined) return before + String(spellings.next().value) + after;
      return `${before}[${Array.from({ length }, () => write(level + 1)).join(comma)}${after}]`;
    };
    return write(0);
  });

test('reads the shape and the values in one pass and stops behind the value', () => {
  assert.deepEqual(scanned(' [[1, 2.5],[-3e1 ,4]] ,"x"'), {
    dims: [2, 2],
    values: [1, 2.5, -30, 4],
    end: 21,
  });
});

test('reads a scalar without touching what follows', () => {
  assert.deepEqual(scanned('5,6'), { dims: [], values: [5], end: 1 });
});

test('reads empty lists as dimensions of size 0', () => {
  assert.deepEqual(scanned('[]'), { dims: [0], values: [], end: 2 });
  assert.deepEqual(scanned('[[],[]]'), { dims: [2, 0], values: [], end: 7 });
  assert.deepEqual(scanned('[[[]]]'), { dims: [1, 1, 0], values: [], end: 6 });
});

test("refuses what is no JSON, with RapidJSON's words and the offset", () => {
  const cases: [string, number, string][] = [
    ['', 0, 'Invalid value.'],
    ['[', 1, 'Invalid value.'],
    ['[1', 2, 'Missing a comma or ] after an array element.'],
    ['[1 2]', 3, 'Missing a comma or ] after an array element.'],
    ['[,1]', 1, 'Invalid value.'],
    ['[1,]', 3, 'Invalid value.'],
    ['[01]', 2, 'Missing a comma or ] after an array element.'],
    ['[-]', 2, 'Invalid value.'],
    ['[1.]', 3, 'Miss fraction part in number.'],
    ['[1.e1]', 3, 'Miss fraction part in number.'],
    ['[1e+]', 4, 'Miss exponent in number.'],
    ['[.5]', 1, 'Invalid value.'],
    ['[+5]', 1, 'Invalid value.'],
    ['[1}', 2, 'Missing a comma or ] after an array element.'],
  ];
  const filler = '1,'.repeat(40);
  for (const [text, offset, what] of cases) {
    assert.deepEqual(scan(text), { kind: 'syntax', offset, what });
    if (!text.startsWith('[')) continue;
    const late = `[${filler}${text.slice(1)}${' '.repeat(60)}`; // in reach of the fast loop
    const isOpen = /Missing|^$/.test(what) || text === '[';
    const result = scan(late);
    assert.equal(result.kind, 'syntax', late);
    if (result.kind === 'syntax' && !isOpen) assert.equal(result.offset, offset + filler.length);
  }
});

test('tells every kind of ragged lists apart', () => {
  const cases: [string, object][] = [
    ['[[1,2],3,4]', { problem: 'value-at-level', offset: 7, level: 1, rank: 2 }],
    ['[[],1]', { problem: 'value-at-level', offset: 4, level: 1, rank: 2 }],
    ['[1,[2]]', { problem: 'list-at-level', offset: 3, level: 1, rank: 1 }],
    ['[[1],[[2]]]', { problem: 'list-at-level', offset: 6, level: 2, rank: 2 }],
    ['[[1],[2,3]]', { problem: 'size', offset: 9, level: 1, size: 2, expected: 1 }],
    ['[[],[1]]', { problem: 'size', offset: 6, level: 1, size: 1, expected: 0 }],
    ['[[[1]],[]]', { problem: 'size', offset: 8, level: 1, size: 0, expected: 1 }],
  ];
  for (const [text, detail] of cases) assert.deepEqual(scan(text), { kind: 'ragged', ...detail });
});

test('names an element that is no number', () => {
  assert.deepEqual(scan('[1,"a"]'), { kind: 'other', offset: 3, found: 'string' });
  assert.deepEqual(scan('{"b64":""}'), { kind: 'other', offset: 0, found: 'object' });
  assert.deepEqual(scan('[true]'), { kind: 'other', offset: 1, found: 'true' });
  assert.deepEqual(scan('[null]'), { kind: 'other', offset: 1, found: 'null' });
});

test('takes NaN and Infinity for floats only, and overflows to Infinity', () => {
  const values = [NaN, Infinity, -Infinity, Infinity];
  assert.deepEqual(scanned('[NaN,Inf,-Infinity,1e39]'), { dims: [4], values, end: 24 });
  assert.deepEqual(scan('[1,NaN]', 'int32'), { kind: 'other', offset: 3, found: 'number' });
});

test('a number that no double holds is no JSON for any type, as in RapidJSON', () => {
  const what = 'Number too big to be stored in double.';
  const long = '9'.repeat(400);
  for (const dtype of ['float32', 'float64', 'bfloat16', 'int64'] as const)
    for (const text of ['1e400', '-1e309', '123e500', long, `${long}.5`, `${long}e-1`, '1e00400'])
      assert.deepEqual(scan(`[1,${text}]`, dtype), { kind: 'syntax', offset: 3, what }, `${dtype} ${text}`);
  for (const text of ['1.7976931348623157e308', `0.${'0'.repeat(300)}1e300`, `${long}e-300`, '1e-400'])
    assert.equal(scan(`[1,${text}]`, 'float64').kind, 'tensor', text);
});

test('takes integers of the whole range of each type and none outside', () => {
  const cases: [NumericType, string[], string[]][] = [
    ['int8', ['-128', '127', '-0'], ['-129', '128']],
    ['uint8', ['0', '255', '-0'], ['-1', '256']],
    ['int16', ['-32768', '32767'], ['-32769', '32768']],
    ['uint16', ['65535'], ['65536']],
    ['int32', ['-2147483648', '2147483647'], ['-2147483649', '2147483648']],
    ['uint32', ['4294967295'], ['-1', '4294967296']],
    [
      'int64',
      ['-9223372036854775808', '9223372036854775807', '9007199254740993', '-1'],
      ['9223372036854775808', '-9223372036854775809'],
    ],
    ['uint64', ['18446744073709551615', '4294967296'], ['18446744073709551616', '-1', `1${'0'.repeat(300)}`]],
  ];
  for (const [dtype, inside, outside] of cases) {
    const list = inside.join(',');
    const padded = `[${list},${list.replaceAll(/[^,]+/g, '7')}${' '.repeat(40)}]`;
    const result = scanned(padded, dtype);
    assert.ok('values' in result, dtype);
    assert.deepEqual(
      result.values.slice(0, inside.length).map(String),
      inside.map((text) => String(BigInt(text))),
    );
    for (const text of outside)
      assert.deepEqual(scan(`[1,${text}]`, dtype), { kind: 'range', offset: 3, text });
  }
});

test('refuses fractions and exponents for integers', () => {
  for (const text of ['1.0', '1e2', '10000000000000000000000.5'])
    assert.deepEqual(scan(`[${text},1${' '.repeat(40)}]`, 'int64'), {
      kind: 'other',
      offset: 1,
      found: 'number',
    });
});

test('refuses more dimensions or elements than the limits allow', () => {
  assert.throws(() => scan('['.repeat(9)), {
    code: 'SKY_REQUEST_TOO_LARGE',
    message: /max_tensor_rank \(8\)/,
  });
  assert.throws(() => scan(`[${'1,'.repeat(1000)}1]`), {
    code: 'SKY_REQUEST_TOO_LARGE',
    message: /max_tensor_elements \(1000\)/,
  });
  assert.equal(scan(`[${'1,'.repeat(999)}1]`).kind, 'tensor');
});

test('finds numbers behind very long whitespace', () => {
  const blank = ' '.repeat(100_000);
  assert.deepEqual(scanned(`[${blank}1${blank},${blank}2]`), { dims: [2], values: [1, 2], end: 300_005 });
});

test('property: float32 equals Math.fround of JSON.parse, float64 equals JSON.parse, to the last bit', () => {
  const flat = (value: unknown): number[] => (Array.isArray(value) ? value.flatMap(flat) : [Number(value)]);
  fc.assert(
    fc.property(document, fc.constantFrom('', ' '.repeat(64)), (text, tail) => {
      const expected = flat(JSON.parse(text));
      const single = scanned(text + tail, 'float32');
      assert.ok('values' in single, text);
      assert.deepEqual(single.values, expected.map(Math.fround), text);
      const double = scanned(text + tail, 'float64');
      assert.ok('values' in double, text);
      assert.deepEqual(double.values, expected, text);
    }),
    { numRuns: 1500 },
  );
});

type Nested = number | Nested[];

/** Shape by the first element of each level, or undefined if any list differs from it. */
function shapeOf(value: Nested): number[] | undefined {
  if (typeof value === 'number') return [];
  const [first, ...others] = value.map(shapeOf);
  if (value.length === 0) return [0];
  const isAlike = first !== undefined && others.every((shape) => shape?.join() === first.join());
  return isAlike ? [value.length, ...first] : undefined;
}

test('property: lists are a tensor exactly if they are rectangular', () => {
  const { nested } = fc.letrec<{ nested: Nested; row: Nested; table: Nested }>((tie) => ({
    row: fc.array(fc.nat({ max: 99 }), { minLength: 1, maxLength: 3 }),
    table: fc
      .tuple(tie('row'), fc.nat({ max: 4 }), fc.nat({ max: 1 }))
      .chain(([row, more, odd]) =>
        odd === 0
          ? fc.constant<Nested>(Array.from({ length: more + 1 }, () => row))
          : tie('nested').map((last): Nested => [...Array.from({ length: more + 1 }, () => row), last]),
      ),
    nested: fc.oneof(
      { maxDepth: 3 },
      fc.nat({ max: 99 }),
      tie('row'),
      tie('table'),
      fc.array(tie('nested'), { maxLength: 3 }),
    ),
  }));
  fc.assert(
    fc.property(
      nested,
      fc.constantFrom<NumericType>('float32', 'int16'),
      fc.boolean(),
      (value, dtype, isSpaced) => {
        const compact = JSON.stringify(value);
        const text = (isSpaced ? compact.replaceAll(',', ', ') : compact) + ' '.repeat(64);
        const result = scanned(text, dtype);
        const dims = shapeOf(value);
        if (dims === undefined) assert.equal('kind' in result && result.kind, 'ragged', text);
        else {
          const values = [value].flat(Infinity as 8);
          assert.deepEqual(result, { dims, values, end: text.length - 64 }, text);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

test('property: texts close to the middle between two float32 values round as Math.fround does', () => {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  fc.assert(
    fc.property(
      fc.integer({ min: 0x3000_0000, max: 0x4f00_0000 }),
      fc.integer({ min: -3, max: 3 }),
      (pattern, steps) => {
        bits[0] = pattern;
        const below = float[0] ?? 0;
        bits[0] = pattern + 1;
        const middle = (below + (float[0] ?? 0)) / 2;
        const near = middle * (1 + steps * 2 ** -52);
        const text = near.toPrecision(21);
        const result = scanned(`[${text}${' '.repeat(64)}]`);
        assert.deepEqual('values' in result && result.values, [Math.fround(Number(text))]);
      },
    ),
    { numRuns: 2000 },
  );
});

test('property: every truncation and mutation of a document gives a result or a coded error', () => {
  const dtype = fc.constantFrom<NumericType>('float32', 'float64', 'int8', 'int64', 'float16');
  fc.assert(
    fc.property(
      document,
      fc.nat(),
      fc.option(fc.constantFrom(...'[],.-+eE0 9"{N\0'.split(''))),
      dtype,
      (text, position, replacement, type) => {
        const at = position % (text.length + 1);
        const broken =
          replacement === null ? text.slice(0, at) : text.slice(0, at) + replacement + text.slice(at + 1);
        try {
          const result = scan(broken, type);
          if (result.kind !== 'tensor') assert.ok(result.offset <= broken.length);
          else
            assert.doesNotThrow(() =>
              JSON.parse(broken.slice(0, result.end).replaceAll(/NaN|-?Inf(inity)?/g, '0')),
            );
        } catch (error) {
          assert.ok(isSkyliftError(error), `${broken}: ${String(error)}`);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
