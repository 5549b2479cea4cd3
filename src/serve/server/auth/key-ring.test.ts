/** Which keys are in force, and why others are not. */
import assert from 'node:assert/strict';
import { createSecretKey, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { formatApiKey, newKeyId, newSecret } from './api-key.ts';
import { createKey, revokeKey, revokeOldSecret, rotateKey } from './key-edits.ts';
import type { KeyGrant } from './key-edits.ts';
import type { KeyFile } from './key-record.ts';
import { createKeyRing } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';
import { newPepperText, parsePepper } from './pepper.ts';

const NOW_MS = Date.UTC(2026, 10, 25);
const AT = new Date(NOW_MS).toISOString();
const pepper = parsePepper(Buffer.from(newPepperText()), 'p');
const EMPTY: KeyFile = { schema: 1, pepper: pepper.tag, keys: [] };
const GRANT: KeyGrant = { description: '', permissions: ['predict'], models: ['*'] };

const verdict = (ring: KeyRing, key: string, atMs = NOW_MS): string => {
  const found = ring.verify(key, atMs);
  return typeof found === 'string' ? found : found.principal.id;
};

test('a key is its holder’s; others are told apart for the metrics', () => {
  const { file, key, record } = createKey(EMPTY, pepper, GRANT, AT);
  const ring = createKeyRing(file, pepper);
  assert.equal(verdict(ring, key), record.id);
  assert.equal(verdict(ring, `${key}0`), 'malformed');
  assert.equal(verdict(ring, key.slice(0, -1) + (key.endsWith('0') ? '1' : '0')), 'checksum');
  assert.equal(verdict(ring, formatApiKey(newKeyId(), newSecret())), 'unknown-key');
  assert.equal(verdict(ring, formatApiKey(record.id, newSecret())), 'wrong-secret');
  assert.equal(verdict(createKeyRing(EMPTY, pepper), key), 'unknown-key');
});

test('the file holds the HMAC of the secret under the pepper and nothing else of it', () => {
  const { file, key, record } = createKey(EMPTY, pepper, GRANT, AT);
  const secret = key.slice(21, 85);
  assert.equal(record.secrets[0]?.hmac, pepper.digest(secret).toString('hex'));
  assert.ok(!JSON.stringify(file).includes(secret));
});

test('under another pepper no key works', () => {
  const { file, key } = createKey(EMPTY, pepper, GRANT, AT);
  const other = parsePepper(Buffer.from(newPepperText()), 'p');
  assert.notEqual(other.tag, pepper.tag);
  assert.equal(verdict(createKeyRing(file, other), key), 'wrong-secret');
});

test('a rotated key has two secrets until the old one is revoked', () => {
  const first = createKey(EMPTY, pepper, GRANT, AT);
  const { id } = first.record;
  const second = rotateKey(first.file, pepper, id, AT);
  const both = createKeyRing(second.file, pepper);
  assert.deepEqual([verdict(both, first.key), verdict(both, second.key)], [id, id]);
  assert.throws(() => rotateKey(second.file, pepper, id, AT), /2 secrets already/);
  const { file } = revokeOldSecret(second.file, id);
  const one = createKeyRing(file, pepper);
  assert.deepEqual([verdict(one, first.key), verdict(one, second.key)], ['wrong-secret', id]);
  assert.throws(() => revokeOldSecret(file, id), /one secret only/);
  assert.equal(verdict(createKeyRing(revokeKey(file, id).file, pepper), second.key), 'unknown-key');
});

test('a key is valid from notBefore up to expiresAt', () => {
  const grant = { ...GRANT, notBefore: AT, expiresAt: new Date(NOW_MS + 1000).toISOString() };
  const { file, key, record } = createKey(EMPTY, pepper, grant, AT);
  const ring = createKeyRing(file, pepper);
  assert.equal(verdict(ring, key, NOW_MS - 1), 'not-yet-valid');
  assert.equal(verdict(ring, key, NOW_MS), record.id);
  assert.equal(verdict(ring, key, NOW_MS + 999), record.id);
  assert.equal(verdict(ring, key, NOW_MS + 1000), 'expired');
  const wrong = formatApiKey(record.id, newSecret());
  assert.equal(verdict(ring, wrong, NOW_MS + 1000), 'wrong-secret', 'validity is for those who have the key');
});

test('an id is not repeated when it is unknown: it may be a whole key', () => {
  const typed = formatApiKey(newKeyId(), newSecret());
  for (const act of [
    () => revokeKey(EMPTY, typed),
    () => revokeOldSecret(EMPTY, typed),
    () => rotateKey(EMPTY, pepper, typed, AT),
  ])
    assert.throws(act, (error: Error) => !error.message.includes(typed.slice(0, 20)));
});

test('a pepper is 64 hex digits, and what it is instead is not shown', () => {
  const hex = randomBytes(32).toString('hex');
  assert.equal(parsePepper(Buffer.from(`${hex}\r\n`), 'p').tag, parsePepper(Buffer.from(hex), 'p').tag);
  assert.equal(createSecretKey(hex, 'hex').symmetricKeySize, 32);
  for (const text of ['', hex.slice(1), `${hex}0`, `g${hex.slice(1)}`, `${hex} ${hex}`])
    assert.throws(
      () => parsePepper(Buffer.from(text), 'p'),
      (error: Error) =>
        error.message.startsWith('p is no pepper') && !error.message.includes(hex.slice(2, 20)),
    );
});
