/** The key file: strict, bounded, and silent about what it refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../../core/errors.ts';
import type { KeyFile, KeyRecord } from './key-record.ts';
import { formatKeyFile, parseKeyFile } from './key-schema.ts';

const LIMITS = { max_auth_keys: 3 };
const HMAC = 'ab'.repeat(32);
const AT = '2026-11-25T13:00:00.000Z';

const record: KeyRecord = {
  id: 'abcdefghijklmnop',
  description: 'web shop',
  permissions: ['predict', 'read'],
  models: ['digits', 'team-*'],
  notBefore: AT,
  expiresAt: '2027-01-01T00:00:00Z',
  secrets: [{ hmac: HMAC, createdAt: AT }],
};
const file: KeyFile = { schema: 1, pepper: '0123456789abcdef', keys: [record] };

const parse = (value: unknown): KeyFile => parseKeyFile(Buffer.from(JSON.stringify(value)), 'k.json', LIMITS);
const withRecord = (changes: object): unknown => ({ ...file, keys: [{ ...record, ...changes }] });

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    assert.ok(isSkyliftError(error), String(error));
    assert.equal(error.code, 'SKY_CONFIG_INVALID');
    assert.match(error.message, /^key file k\.json: /);
    return error.message.slice('key file k.json: '.length);
  }
  return assert.fail('it was accepted');
}

test('what is written is read back', () => {
  assert.deepEqual(parseKeyFile(Buffer.from(formatKeyFile(file)), 'k.json', LIMITS), file);
  assert.deepEqual(parse({ ...file, keys: [] }).keys, []);
});

for (const [what, value, message] of [
  ['an unknown field', { ...file, extra: 1 }, 'the document: unknown field "extra"'],
  ['an unknown field of a key', withRecord({ role: 'admin' }), 'keys[0]: unknown field "role"'],
  ['another schema', { ...file, schema: 2 }, /^schema: /],
  ['no pepper', { ...file, pepper: undefined }, /^pepper: /],
  [
    'a permission that is none',
    withRecord({ permissions: ['everything'] }),
    /^keys\[0\]\.permissions\[0\]: /,
  ],
  ['the permission public', withRecord({ permissions: ['public'] }), /^keys\[0\]\.permissions\[0\]: /],
  ['no permission', withRecord({ permissions: [] }), /^keys\[0\]\.permissions: /],
  ['an empty glob', withRecord({ models: [''] }), /^keys\[0\]\.models\[0\]: /],
  ['no secret', withRecord({ secrets: [] }), /^keys\[0\]\.secrets: /],
  ['three secrets', withRecord({ secrets: Array(3).fill(record.secrets[0]) }), /^keys\[0\]\.secrets: /],
  ['a short hash', withRecord({ secrets: [{ hmac: 'ab', createdAt: AT }] }), /hmac: must be 64/],
  [
    'a time with an offset',
    withRecord({ expiresAt: '2027-01-01T00:00:00+01:00' }),
    /expiresAt: must be a time/,
  ],
  ['a day alone', withRecord({ notBefore: '2027-01-01' }), /notBefore: must be a time/],
  ['control characters', withRecord({ description: 'a\nb' }), /description: must be printable/],
  ['an id of another form', withRecord({ id: 'ABCDEFGHIJKLMNOP' }), /^keys\[0\]\.id: must be 16/],
  ['an id twice', { ...file, keys: [record, record] }, 'has two keys with the id abcdefghijklmnop'],
  [
    'too many keys',
    { ...file, keys: Array.from('abcd', (letter) => ({ ...record, id: letter.repeat(16) })) },
    'has 4 keys, more than 3 (max_auth_keys)',
  ],
] as const)
  test(`${what} is refused`, () => {
    const said = refusalOf(() => parse(value));
    if (typeof message === 'string') assert.equal(said, message);
    else assert.match(said, message);
  });

test('a field called __proto__ is refused, not dropped', () => {
  const text = formatKeyFile(file).replace('"schema"', '"__proto__": {}, "schema"');
  assert.match(
    refusalOf(() => parseKeyFile(Buffer.from(text), 'k.json', LIMITS)),
    /__proto__/,
  );
});

test('a huge document is refused before it is parsed', () => {
  const text = `[${'1,'.repeat(10_000)}1]`;
  assert.match(
    refusalOf(() => parseKeyFile(Buffer.from(text), 'k.json', LIMITS)),
    /values, more than/,
  );
});

test('a key that was pasted into the file never comes back in the message', () => {
  const pasted = `skl_abcdefghijklmnop_${'1f'.repeat(36)}`;
  for (const text of [pasted, `{"schema": 1, ${pasted}}`, JSON.stringify(withRecord({ id: pasted }))]) {
    const said = refusalOf(() => parseKeyFile(Buffer.from(text), 'k.json', LIMITS));
    assert.ok(!said.includes(pasted.slice(4, 30)), said);
  }
});

test('cut and changed files are refused with the code, or are key files again', () => {
  const whole = Buffer.from(formatKeyFile(file));
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.boolean(), (at, byte, isCut) => {
      const bytes = Buffer.from(isCut ? whole.subarray(0, at) : whole);
      if (!isCut) bytes[at] = byte;
      try {
        parseKeyFile(bytes, 'k.json', LIMITS);
      } catch (error) {
        assert.ok(isSkyliftError(error) && error.code === 'SKY_CONFIG_INVALID', String(error));
      }
    }),
    { numRuns: 2000 },
  );
});
