/** The form of keys: what is made is read, and no typing error goes through. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatApiKey, newKeyId, newSecret, parseApiKey } from './api-key.ts';

const anyKey = fc.tuple(fc.stringMatching(/^[a-z2-7]{16}$/), fc.stringMatching(/^[0-9a-f]{64}$/));
const CHARACTERS = fc.constantFrom(...Array.from('abcdefghijklmnopqrstuvwxyzABCDEF0123456789_- '));

test('a key that was made is read back', () => {
  fc.assert(
    fc.property(anyKey, ([id, secret]) => {
      assert.deepEqual(parseApiKey(formatApiKey(id, secret)), { kind: 'key', id, secret });
    }),
  );
});

test('new ids and secrets have the form of a key and are never the same', () => {
  const keys = Array.from({ length: 200 }, () => formatApiKey(newKeyId(), newSecret()));
  assert.equal(new Set(keys).size, keys.length);
  for (const key of keys) {
    assert.match(key, /^skl_[a-z2-7]{16}_[0-9a-f]{72}$/);
    assert.equal(parseApiKey(key).kind, 'key');
  }
});

test('one wrong character is always noticed', () => {
  fc.assert(
    fc.property(anyKey, fc.nat(92), CHARACTERS, ([id, secret], at, character) => {
      const key = formatApiKey(id, secret);
      fc.pre(key[at] !== character);
      const typed = key.slice(0, at) + character + key.slice(at + 1);
      assert.notEqual(parseApiKey(typed).kind, 'key');
    }),
    { numRuns: 2000 },
  );
});

test('two characters in each other’s place are noticed, and so are missing and doubled ones', () => {
  fc.assert(
    fc.property(anyKey, fc.nat(91), ([id, secret], at) => {
      const key = formatApiKey(id, secret);
      const [left = '', right = ''] = [key[at], key[at + 1]];
      const rest = key.slice(at + 2);
      if (left !== right) assert.notEqual(parseApiKey(key.slice(0, at) + right + left + rest).kind, 'key');
      assert.equal(parseApiKey(key.slice(0, at) + right + rest).kind, 'malformed');
      assert.equal(parseApiKey(key.slice(0, at) + left + left + right + rest).kind, 'malformed');
    }),
  );
});

test('any other text is malformed', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 200 })), (text) => {
      assert.deepEqual(parseApiKey(text), { kind: 'malformed' });
    }),
  );
});

test('neither capitals nor anything around a key are its form', () => {
  const key = formatApiKey(newKeyId(), newSecret());
  for (const text of [key.toUpperCase(), ` ${key}`, `${key}\n`, `${key}, ${key}`, `Bearer ${key}`, ''])
    assert.equal(parseApiKey(text).kind, 'malformed', JSON.stringify(text));
});
