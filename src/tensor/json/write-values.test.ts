import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { DataType, Tensor } from '../tensor.ts';
import { tensor } from '../values.ts';
import { tensorflowFloatText } from './float-text.ts';
import { TextBudget } from './text-budget.ts';
import { writeRows, writeValues } from './write-values.ts';

test('nests lists as the dims say', () => {
  const text = (dims: number[], values: number[]): string => writeValues(tensor('int32', dims, values));
  assert.equal(text([], [5]), '5');
  assert.equal(text([0], []), '[]');
  assert.equal(text([2, 0], []), '[[],[]]');
  assert.equal(text([2, 1, 2], [1, -2, 3, 4]), '[[[1,-2]],[[3,4]]]');
});

test('a text beyond its budget is refused, before it is written where its length shows', () => {
  const refused = { code: 'SKY_REQUEST_TOO_LARGE', message: /more than 100000 bytes \(max_reply_bytes\)$/ };
  const ones = (count: number) => tensor('uint8', [count], new Uint8Array(count).fill(1));
  const write = (value: Tensor) => writeValues(value, {}, new TextBudget(100_000));
  assert.equal(write(ones(49_999)).length, 99_999);
  assert.throws(() => write(ones(50_000)), refused);
  assert.throws(() => write({ ...ones(0), dims: [2 ** 40] }), refused, 'its bytes are not even looked at');
  const empty = (rows: number) => ({ ...ones(0), dims: [rows, 0] });
  assert.equal(write(empty(33_333)).length, 100_000);
  assert.throws(() => write(empty(33_334)), refused);
  assert.throws(() => writeRows(empty(2 ** 40), {}, new TextBudget(100_000)), refused);
  assert.equal(write(tensor('string', [1], ['x'.repeat(99_996)])).length, 100_000);
  assert.throws(() => write(tensor('string', [1], ['x'.repeat(99_997)])), refused);
});

test('texts of one document share its budget', () => {
  const budget = new TextBudget(200_000);
  const half = tensor('string', [1], ['x'.repeat(99_990)]);
  for (let i = 0; i < 2; i++) writeValues(half, {}, budget);
  assert.equal(budget.leftBytes, 200_000 - 2 * 99_994);
  assert.throws(() => writeRows(half, {}, budget), { code: 'SKY_REQUEST_TOO_LARGE' });
});

test('writes every dtype', () => {
  const cases: [DataType, (number | bigint | boolean | string)[], string][] = [
    ['bool', [true, false], '[true,false]'],
    ['int8', [-128, 127], '[-128,127]'],
    ['uint16', [65_535], '[65535]'],
    ['int64', [-(2n ** 63n), 9_007_199_254_740_993n], '[-9223372036854775808,9007199254740993]'],
    ['uint64', [2n ** 64n - 1n], '[18446744073709551615]'],
    ['float16', [0.5, 65_504], '[0.5,65504.0]'],
    ['bfloat16', [1, -0.5], '[1.0,-0.5]'],
    ['float32', [0.1, 1e-7, -2, NaN], '[0.1,1e-07,-2.0,NaN]'],
    ['float64', [0.1, -Infinity], '[0.1,-Infinity]'],
    ['string', ['a"\n', 'é😀'], '["a\\"\\n","é😀"]'],
  ];
  for (const [dtype, values, text] of cases)
    assert.equal(writeValues(tensor(dtype, [values.length], values)), text);
});

test('writes strings as base64 objects when asked', () => {
  const strings = tensor('string', [2], [Uint8Array.of(0xff, 0), '']);
  assert.equal(writeValues(strings, { bytesAsBase64: true }), '[{"b64":"/wA="},{"b64":""}]');
});

test('writes row by row what it writes as a whole', () => {
  const strings = tensor('string', [2, 2], ['a', 'b', 'c', 'ü']);
  assert.deepEqual(writeRows(strings), ['["a","b"]', '["c","ü"]']);
  assert.deepEqual(writeRows(tensor('float32', [3], [1, 2.5, 3])), ['1.0', '2.5', '3.0']);
  assert.deepEqual(writeRows(tensor('float32', [0, 3], [])), []);
});

/** Values around every place where the writer changes its way. */
const edge = fc
  .tuple(
    fc.constantFrom(1e-14, 1e-9, 1e-5, 1e-4, 0.1, 1, 10, 99_999.95, 999_999.5, 1e6, 1e9, 5e-324, 3.4e38),
    fc.integer({ min: -3, max: 3 }),
    fc.constantFrom(2 ** -23, 2 ** -52),
  )
  .map(([value, steps, step]) => value * (1 + steps * step));
const decimal = fc
  .tuple(fc.integer({ min: -2_000_000, max: 2_000_000 }), fc.integer({ min: 0, max: 15 }))
  .map(([integer, places]) => integer / 10 ** places);
const dyadic = fc
  .tuple(fc.integer({ min: 1, max: 2 ** 24 }), fc.integer({ min: 0, max: 60 }))
  .map(([integer, power]) => integer / 2 ** power);

test('property: floats of every size read back as the same value and equal the slow form', () => {
  const anyFloat = fc.oneof(fc.double({ noNaN: true }), fc.float({ noNaN: true }), edge, decimal, dyadic);
  fc.assert(
    fc.property(fc.array(anyFloat, { minLength: 1, maxLength: 20 }), fc.boolean(), (numbers, isSingle) => {
      const dtype = isSingle ? 'float32' : 'float64';
      const values = isSingle ? numbers.map(Math.fround) : numbers;
      const texts = writeRows(tensor(dtype, [values.length], values));
      for (const [index, text] of texts.entries()) {
        assert.equal(text, tensorflowFloatText(values[index] ?? 0, dtype));
        const read = Number(text);
        assert.ok(Object.is(isSingle ? Math.fround(read) : read, values[index]), text);
      }
    }),
    { numRuns: 2000 },
  );
});
