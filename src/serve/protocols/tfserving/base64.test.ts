import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SkyliftError } from '../../../core/errors.ts';
import { resolveLimits } from '../../../core/limits.ts';
import { base64At, readBase64 } from './base64.ts';
import { openBody } from './json-body.ts';

/** The decoded bytes as text, or undefined if the document is no base64 object. */
function decode(json: string): Buffer | undefined {
  const body = openBody(Buffer.from(json), resolveLimits());
  const found = base64At(body, 0);
  if (!found) return undefined;
  assert.equal(body.reader.offset, 0);
  const bytes = readBase64(body, found);
  assert.equal(body.reader.offset, found.end);
  return bytes;
}

const refuses = (json: string): void =>
  assert.throws(
    () => decode(json),
    (error) => error instanceof SkyliftError && error.message === 'Unable to base64 decode',
  );

test('any bytes come back, with and without padding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (bytes, isPadded) => {
      const text = Buffer.from(bytes).toString('base64');
      const json = `{ "b64" :\n"${isPadded ? text : text.replaceAll('=', '')}" }`;
      assert.deepEqual(new Uint8Array(decode(json) ?? []), bytes);
    }),
  );
});

test('escapes and whitespace inside the text are taken', () => {
  assert.equal(decode(String.raw`{"b64":"Pz8\/"}`)?.toString(), '???');
  assert.equal(decode(String.raw`{"b64":"\u0050z8/"}`)?.toString(), '???');
  assert.equal(decode(String.raw`{"b64":"Pz\n8/ "}`)?.toString(), '???');
});

test('other alphabets, wrong padding and cut text are refused', () => {
  for (const text of [
    'a',
    'aaaaa',
    'a=',
    'aa=',
    'aaa==',
    '====',
    'a-_=',
    'a-aa',
    'ä',
    'aa=a',
    '=aaa',
    'a,aa',
  ])
    refuses(`{"b64":"${text}"}`);
  refuses(String.raw`{"b64":"aa\""}`);
});

test('any change of one character is refused or decodes as another library says', () => {
  const text = Buffer.from('some bytes that are long enough').toString('base64');
  fc.assert(
    fc.property(
      fc.nat(text.length - 1),
      fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 1 }),
      (at, character) => {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        let isValid = true;
        try {
          atob(changed);
        } catch {
          isValid = false;
        }
        const json = `{"b64":${JSON.stringify(changed)}}`;
        if (isValid) assert.equal(decode(json)?.toString('latin1'), atob(changed));
        else refuses(json);
      },
    ),
  );
});

test('other values are no base64 object', () => {
  for (const json of [
    '{}',
    '[]',
    '"b64"',
    '{"b64":1}',
    '{"b64":"","a":1}',
    '{"a":"","b64":""}',
    '{"b65":""}',
    '{"b64"}',
    '{"b64":""',
    '{',
  ])
    assert.equal(decode(json), undefined);
});
