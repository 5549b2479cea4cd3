/** Changes to a key file as functions of its content: create, rotate, revoke. Only here a whole key exists. */
import { SkyliftError } from '../../../core/errors.ts';
import { formatApiKey, newKeyId, newSecret } from './api-key.ts';
import { MAX_SECRETS } from './key-record.ts';
import type { KeyFile, KeyRecord, KeySecret } from './key-record.ts';
import type { Pepper } from './pepper.ts';

/** A changed file and the record that it is about. */
export interface KeyEdit {
  readonly file: KeyFile;
  readonly record: KeyRecord;
}

/** With the key that its owner gets; it is nowhere else. */
export interface NewKeyEdit extends KeyEdit {
  readonly key: string;
}

/** What the maker of a key decides. */
export type KeyGrant = Pick<KeyRecord, 'description' | 'permissions' | 'models' | 'notBefore' | 'expiresAt'>;

/** With one more key. @param at now, ISO 8601 in UTC */
export function createKey(file: KeyFile, pepper: Pepper, grant: KeyGrant, at: string): NewKeyEdit {
  const id = newKeyId();
  const { key, secret } = makeSecret(id, pepper, at);
  const record = { id, ...grant, secrets: [secret] };
  return { file: { ...file, keys: [...file.keys, record] }, record, key };
}

/** With a second secret for the key `id`; the first stays good. Throws SKY_USAGE when there are two already. */
export function rotateKey(file: KeyFile, pepper: Pepper, id: string, at: string): NewKeyEdit {
  const old = recordOf(file, id);
  if (old.secrets.length >= MAX_SECRETS)
    throw new SkyliftError('SKY_USAGE', `the key ${id} has ${MAX_SECRETS} secrets already`, {
      hint: `When nobody uses the older any more: skylift keys revoke FILE ${id} --old`,
    });
  const { key, secret } = makeSecret(id, pepper, at);
  return { ...replaced(file, { ...old, secrets: [...old.secrets, secret] }), key };
}

/** Without the older secret of the key `id`. Throws SKY_USAGE when it has one only. */
export function revokeOldSecret(file: KeyFile, id: string): KeyEdit {
  const old = recordOf(file, id);
  if (old.secrets.length === 1)
    throw new SkyliftError('SKY_USAGE', `the key ${id} has one secret only`, {
      hint: `Make the next one first: skylift keys rotate FILE ${id}`,
    });
  return replaced(file, { ...old, secrets: old.secrets.slice(-1) });
}

/** Without the key `id`. */
export function revokeKey(file: KeyFile, id: string): KeyEdit {
  const record = recordOf(file, id);
  return { file: { ...file, keys: file.keys.filter((each) => each !== record) }, record };
}

function makeSecret(id: string, pepper: Pepper, at: string): { key: string; secret: KeySecret } {
  const secret = newSecret();
  return {
    key: formatApiKey(id, secret),
    secret: { hmac: pepper.digest(secret).toString('hex'), createdAt: at },
  };
}

function replaced(file: KeyFile, record: KeyRecord): KeyEdit {
  return {
    file: { ...file, keys: file.keys.map((each) => (each.id === record.id ? record : each)) },
    record,
  };
}

/** Throws SKY_USAGE. What was typed is not repeated: it may be a whole key. */
function recordOf({ keys }: KeyFile, id: string): KeyRecord {
  const record = keys.find((each) => each.id === id);
  if (record) return record;
  throw new SkyliftError('SKY_USAGE', 'no key of the file has this id', {
    hint: 'skylift keys list FILE shows the ids.',
  });
}
