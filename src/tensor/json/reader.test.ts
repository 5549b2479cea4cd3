import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../core/errors.ts';
import { JsonReader } from './reader.ts';

const reader = (text: string | Uint8Array, maxDepth = 32): JsonReader =>
  new JsonReader(typeof text === 'string' ? Buffer.from(text) : text, { maxDepth });

const messageOf = (text: string | Uint8Array, act: (json: JsonReader) => unknown): string => {
  try {
    act(reader(text));
  } catch (error) {
    assert.ok(isSkyliftError(error), String(error));
    assert.equal(error.code, 'SKY_JSON_MALFORMED');
    return error.message;
  }
  return 'no error';
};

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('walks an object and leaves out what the caller does not want', () => {
  const json = reader('\ufeff { "skip" : [1, {"a":"}"}], "name": "x", "n": -1.5e3, "t": true } tail');
  json.enterObject();
  assert.equal(json.nextKey(), 'skip');
  json.skipValue();
  assert.equal(json.nextKey(), 'name');
  assert.equal(json.kind(), 'string');
  assert.equal(json.readString(), 'x');
  assert.equal(json.nextKey(), 'n');
  assert.deepEqual(json.readNumber(), { text: '-1.5e3', isInteger: false });
  assert.equal(json.nextKey(), 't');
  assert.equal(json.readLiteral(), true);
  assert.equal(json.nextKey(), undefined);
});

test('reads a value again when the offset is set back to it', () => {
  const json = reader('[[1,2],3]');
  json.enterArray();
  assert.ok(json.nextElement());
  json.kind();
  const start = json.offset;
  json.skipValue();
  const end = json.offset;
  json.offset = start;
  assert.deepEqual(json.readValue(), [1, 2]);
  assert.equal(json.offset, end);
  assert.ok(json.nextElement());
  assert.deepEqual(json.readNumber(), { text: '3', isInteger: true });
  assert.equal(json.nextElement(), false);
});

test('treats __proto__ as a key like any other', () => {
  const value = reader('{"__proto__":{"polluted":1}}').readValue() as Record<string, unknown>;
  assert.equal(Object.getPrototypeOf(value), null);
  assert.deepEqual(Object.keys(value), ['__proto__']);
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
});

test('reads the tokens NaN, Inf and Infinity', () => {
  assert.deepEqual(reader('[NaN,Inf,-Inf,Infinity,-Infinity]').readValue(), [
    NaN,
    Infinity,
    -Infinity,
    Infinity,
    -Infinity,
  ]);
});

test('names fault and offset as RapidJSON does', () => {
  const cases: [string, string][] = [
    ['', 'JSON Parse error: The document is empty'],
    [' \n\t ', 'JSON Parse error: The document is empty'],
    ['[1 2]', 'JSON Parse error: Missing a comma or ] after an array element. at offset: 3'],
    ['[1,]', 'JSON Parse error: Invalid value. at offset: 3'],
    ['[1', 'JSON Parse error: Missing a comma or ] after an array element. at offset: 2'],
    ['{"a" 1}', 'JSON Parse error: Missing a colon after a name of object member. at offset: 5'],
    ['{"a":1 "b"}', 'JSON Parse error: Missing a comma or } after an object member. at offset: 7'],
    ['{a:1}', 'JSON Parse error: Missing a name for object member. at offset: 1'],
    ['[1.]', 'JSON Parse error: Miss fraction part in number. at offset: 3'],
    ['[1e]', 'JSON Parse error: Miss exponent in number. at offset: 3'],
    ['[+1]', 'JSON Parse error: Invalid value. at offset: 1'],
    ['"a', 'JSON Parse error: Missing a closing quotation mark in string. at offset: 0'],
    ['"\\x"', 'JSON Parse error: Invalid escape character in string. at offset: 0'],
    ['"\\ud800"', 'JSON Parse error: The surrogate pair in string is invalid. at offset: 0'],
    ['"a\nb"', 'JSON Parse error: Invalid encoding in string. at offset: 2'],
    ['nul', 'JSON Parse error: Invalid value. at offset: 0'],
  ];
  for (const [text, message] of cases) {
    assert.equal(
      messageOf(text, (json) => json.readValue()),
      message,
    );
    assert.equal(
      messageOf(text, (json) => json.skipValue()),
      message,
    );
  }
});

test('refuses bytes that are not UTF-8', () => {
  const broken = Uint8Array.of(0x22, 0xc3, 0x28, 0x22);
  assert.match(
    messageOf(broken, (json) => json.readValue()),
    /Invalid encoding in string/,
  );
  assert.match(
    messageOf(broken, (json) => json.skipValue()),
    /Invalid encoding in string/,
  );
});

test('refuses nesting beyond the limit, however it is walked', () => {
  const deep = '['.repeat(33) + ']'.repeat(33);
  for (const act of ['readValue', 'skipValue'] as const)
    assert.throws(() => reader(deep)[act](), {
      code: 'SKY_REQUEST_TOO_LARGE',
      message: /max_json_depth \(32\)/,
    });
  reader(deep, 33).skipValue();
});

test('leaves out a million levels without recursion when the limit allows it', () => {
  const levels = 1_000_000;
  const json = reader('['.repeat(levels) + ']'.repeat(levels), levels);
  json.skipValue();
  assert.equal(json.offset, 2 * levels);
});

test('reads long strings with escapes, quotes and other scripts', () => {
  const text = `${'x'.repeat(100)}"\\\u{1f600}é\n${'"\\'.repeat(50)}`;
  assert.equal(reader(JSON.stringify(text)).readString(), text);
});

test('property: reads what JSON.parse reads and stops behind it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom('', ' ', '\n]'), (text, tail) => {
      const bytes = Buffer.from(text + tail);
      const reading = reader(bytes);
      assert.deepEqual(plain(reading.readValue()), JSON.parse(text));
      const skipping = reader(bytes);
      skipping.skipValue();
      assert.equal(skipping.offset, Buffer.byteLength(text));
      assert.equal(reading.offset, skipping.offset);
    }),
  );
});

test('property: truncated and mutated documents give a coded result, the same for reading and leaving out', () => {
  const byte = fc.nat({ max: 255 });
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.nat(), fc.option(byte), (text, position, replacement) => {
      const whole = Buffer.from(text);
      const at = position % whole.length;
      const bytes = replacement === null ? whole.subarray(0, at) : Buffer.from(whole);
      if (replacement !== null) bytes[at] = replacement;
      assert.equal(
        messageOf(bytes, (json) => json.readValue()),
        messageOf(bytes, (json) => json.skipValue()),
      );
    }),
    { numRuns: 500 },
  );
});

test('property: number lists in plain spelling are left out exactly', () => {
  const token = fc.constantFrom(
    '0',
    '-1',
    '12.5',
    '1e9',
    '-0.25E-3',
    '01',
    '1.',
    '-',
    '.5',
    '123456789012345678901',
  );
  fc.assert(
    fc.property(fc.array(token, { maxLength: 12 }), fc.constantFrom(',', ', ', ' ,\n'), (tokens, comma) => {
      const text = `[${tokens.join(comma)}]`;
      let isJson = true;
      try {
        JSON.parse(text);
      } catch {
        isJson = false;
      }
      assert.equal(messageOf(text, (json) => json.skipValue()) === 'no error', isJson);
    }),
  );
});
