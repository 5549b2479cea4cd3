import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../../../core/errors.ts';
import { parseSslConfig } from './ssl-config.ts';

const SECRET = 'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg';
const KEY = String.raw`server_key: "-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n"`;
const CERT = `server_cert: "cert\\n" 'ificate'`;

test('PEM text stands in the fields, with escapes and in pieces', () => {
  assert.deepEqual(parseSslConfig(`${KEY}\n${CERT}`, 'f'), {
    key: `-----BEGIN PRIVATE KEY-----\n${SECRET}\n-----END PRIVATE KEY-----\n`,
    cert: 'cert\nificate',
    clientCa: undefined,
  });
});

test('the CA counts only with client_verify, as in the original', () => {
  for (const [more, clientCa] of [
    ['custom_ca: "ca"', undefined],
    ['custom_ca: "ca" client_verify: false', undefined],
    ['custom_ca: "ca" client_verify: true', 'ca'],
    ['client_verify: 1 custom_ca: "ca"', 'ca'],
  ] as const)
    assert.equal(parseSslConfig(`${KEY} ${CERT} ${more}`, 'f').clientCa, clientCa);
});

test('what is missing or wrong is said with its place', () => {
  for (const [text, words] of [
    [CERT, /^f:1:1: there is no server_key/],
    [KEY, /there is no server_cert/],
    [`${KEY} ${CERT} client_verify: true`, /client_verify without custom_ca/],
    [`${KEY}\n${CERT} client_verify: constructor`, /^f:2:\d+: "client_verify" must be true or false/],
    [`${KEY} ${CERT} client_verify: "true"`, /must be true or false/],
    [`${KEY} ${KEY} ${CERT}`, /"server_key" stands there twice/],
    [`${KEY} ${CERT} server_cets: "x"`, /unknown field "server_cets"/],
  ] as const)
    assert.throws(() => parseSslConfig(text, 'f'), { code: 'SKY_CONFIG_INVALID', message: words });
});

test('a broken file is refused without a word of the key', () => {
  const text = `${KEY}\n${CERT}`;
  const change = fc.record({
    at: fc.nat(text.length),
    drop: fc.nat(3),
    insert: fc.constantFrom('', '"', '\n', ' ', ','),
  });
  fc.assert(
    fc.property(change, ({ at, drop, insert }) => {
      try {
        parseSslConfig(text.slice(0, at) + insert + text.slice(at + drop), 'f');
      } catch (error) {
        assert.ok(isSkyliftError(error));
        assert.equal(error.code, 'SKY_CONFIG_INVALID');
        for (let i = 0; i + 6 <= SECRET.length; i++)
          assert.ok(!`${error.message}${error.hint}`.includes(SECRET.slice(i, i + 6)), error.message);
      }
    }),
    { numRuns: 2000 },
  );
});
