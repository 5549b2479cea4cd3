import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { resolveLimits } from '../../../core/limits.ts';
import { echo } from './echo.ts';

const echoOf = (json: string): string => echo(Buffer.from(json), 0, resolveLimits());

test('objects are indented, arrays stay on one line', () => {
  assert.equal(
    echoOf('{"a":[1,[2,3]],"b":{"c":null,"d":{}},"e":[]}'),
    '{\n    "a": [1, [2, 3]],\n    "b": {\n        "c": null,\n        "d": {}\n    },\n    "e": []\n}',
  );
});

test('numbers look as RapidJSON prints them', () => {
  const numbers = {
    '1': '1',
    '-0': '-0',
    '1.0': '1.0',
    '1e2': '100.0',
    '1.50': '1.5',
    '1e30': '1e30',
    '1e-7': '1e-7',
  };
  for (const [text, wanted] of Object.entries(numbers)) assert.equal(echoOf(text), wanted);
  assert.equal(echoOf('[NaN,-Inf]'), '[NaN, -Infinity]');
});

test('a long value is cut at 256 bytes, between characters', () => {
  const text = echoOf(JSON.stringify(`${'x'.repeat(254)}ä`));
  assert.equal(text, `"${'x'.repeat(254)}`);
  assert.equal(Buffer.byteLength(echoOf(JSON.stringify('€'.repeat(1000)))), 256);
});

test('the echo of any value is at most 256 bytes and, when shorter, the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = echoOf(JSON.stringify(value));
      assert.ok(Buffer.byteLength(text) <= 256);
      if (text.length < 200) assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a huge array costs no more than what is shown', () => {
  const bytes = Buffer.from(`[${'1,'.repeat(1000)}` + '!'.repeat(1000)); // not even JSON behind what is shown
  assert.equal(echo(bytes, 0, resolveLimits()).length, 256);
});
