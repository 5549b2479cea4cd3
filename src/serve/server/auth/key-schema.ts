/** The strict schema of the key file: bytes -> KeyFile and back. Nothing of what was refused is shown but names of fields. */
import { z } from 'zod';
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { documentPath, parseDocument } from '../../../package/json-document.ts';
import { GRANTED_PERMISSIONS } from '../../protocols/http-call.ts';
import { KEY_ID } from './api-key.ts';
import { MAX_DESCRIPTION_CHARS, MAX_MODEL_CHARS, MAX_MODELS, MAX_SECRETS } from './key-record.ts';
import type { KeyFile } from './key-record.ts';

const PRINTABLE = /^\P{Cc}*$/u;
const MAX_VALUES_PER_KEY = 16 + MAX_MODELS; // bounds what the schema check can cost
const MAX_UNKNOWN_CHARS = 80; // of names of unknown fields in a message

const instant = z.iso.datetime({ error: 'must be a time in UTC as 2027-01-31T00:00:00Z' });

const secret = z.strictObject({
  hmac: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hex digits'),
  createdAt: instant,
});

const record = z.strictObject({
  id: z.string().regex(KEY_ID, 'must be 16 characters of a-z and 2-7'),
  description: z.string().max(MAX_DESCRIPTION_CHARS).regex(PRINTABLE, 'must be printable'),
  permissions: z.array(z.enum(GRANTED_PERMISSIONS)).min(1),
  models: z
    .array(z.string().min(1).max(MAX_MODEL_CHARS).regex(PRINTABLE, 'must be printable'))
    .max(MAX_MODELS),
  notBefore: z.exactOptional(instant),
  expiresAt: z.exactOptional(instant),
  secrets: z.array(secret).min(1).max(MAX_SECRETS),
});

const keyFile = z.strictObject({
  schema: z.literal(1),
  pepper: z.string().regex(/^[0-9a-f]{16}$/, 'must be 16 lower-case hex digits'),
  keys: z.array(record),
});

type KeyLimits = Pick<Limits, 'max_auth_keys'>;

/**
 * The key file in `bytes` (UTF-8 JSON). Throws SKY_CONFIG_INVALID with the place inside the document.
 * @param path for messages
 */
export function parseKeyFile(bytes: Uint8Array, path: string, { max_auth_keys }: KeyLimits): KeyFile {
  const maxValues = MAX_VALUES_PER_KEY * (max_auth_keys + 1);
  const document = parseDocument(bytes, maxValues, (problem) => invalid(path, problem));
  const checked = keyFile.safeParse(document);
  if (!checked.success) throw invalid(path, describe(checked.error.issues));
  const { data } = checked;
  if (data.keys.length > max_auth_keys)
    throw invalid(path, `has ${data.keys.length} keys, more than ${max_auth_keys} (max_auth_keys)`);
  requireUniqueIds(data.keys, path);
  return data;
}

/** Text of a key file, for people to read, too. */
export function formatKeyFile(file: KeyFile): string {
  return `${JSON.stringify(file, null, 2)}\n`;
}

function requireUniqueIds(keys: KeyFile['keys'], path: string): void {
  const seen = new Set<string>();
  for (const { id } of keys) {
    if (seen.has(id)) throw invalid(path, `has two keys with the id ${id}`);
    seen.add(id);
  }
}

function describe(issues: readonly z.core.$ZodIssue[]): string {
  const first = issues[0];
  if (!first) return 'is no key file';
  const unknown = first.code === 'unrecognized_keys' ? JSON.stringify(first.keys.join(', ')) : undefined;
  const what = unknown === undefined ? first.message : `unknown field ${unknown.slice(0, MAX_UNKNOWN_CHARS)}`;
  return `${documentPath(first.path)}: ${what}`;
}

function invalid(path: string, message: string): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', `key file ${path}: ${message}`, {
    hint: 'Correct it, or make a new one: skylift keys create FILE.',
  });
}
