/**
 * The keys in force. Every key of the right form costs the same work, whether its id is known or not, so that time tells
 * next to nothing of which ids there are.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { Permission } from '../../protocols/http-call.ts';
import type { Principal } from '../../runtime/requests.ts';
import { parseApiKey } from './api-key.ts';
import type { KeyFile, KeyRecord } from './key-record.ts';
import { validityAt } from './key-record.ts';
import { matcherOf } from './model-glob.ts';
import type { Pepper } from './pepper.ts';

/** Who owns a key and what it allows. */
export interface KeyHolder {
  readonly principal: Principal;
  readonly permissions: ReadonlySet<Permission>;
}

/** Why a presented text is no good; for the server's own eyes, callers hear one and the same. */
export type BadKey = 'malformed' | 'checksum' | 'unknown-key' | 'wrong-secret' | 'expired' | 'not-yet-valid';

export interface KeyRing {
  readonly size: number;
  /** The holder of the key `text`, or why it is none. @param wallMs milliseconds since the epoch */
  verify(text: string, wallMs: number): KeyHolder | BadKey;
}

interface Entry {
  readonly record: Pick<KeyRecord, 'notBefore' | 'expiresAt'>;
  readonly holder: KeyHolder;
  /** As many for every key; random bytes stand for a missing one. */
  readonly digests: readonly [Buffer, Buffer];
}

const DIGEST_BYTES = 32;

const NOBODY: KeyRecord = { id: '', description: '', permissions: [], models: [], secrets: [] };

/** Puts the keys of a file in force. The pepper has to be the one that they were made with. */
export function createKeyRing({ keys }: KeyFile, pepper: Pepper): KeyRing {
  const entries = new Map(keys.map((record) => [record.id, entryOf(record)]));
  const dummy = entryOf(NOBODY);
  const dummies = [...entries.values(), dummy];
  return {
    size: entries.size,
    verify(text, wallMs) {
      const parsed = parseApiKey(text);
      if (parsed.kind !== 'key') return parsed.kind;
      const known = entries.get(parsed.id);
      const other = dummies[spread(parsed.id) % dummies.length] ?? dummy;
      const isRight = isSecretOf(known ?? other, pepper.digest(parsed.secret));
      if (known === undefined) return 'unknown-key';
      if (!isRight) return 'wrong-secret';
      const validity = validityAt(known.record, wallMs);
      return validity === 'valid' ? known.holder : validity;
    },
  };
}

/** Unknown ids are compared with records all over the memory, as known ones are: the same few bytes again would be faster. */
function spread(id: string): number {
  return id.charCodeAt(0) + 32 * id.charCodeAt(1) + 1024 * id.charCodeAt(2);
}

/** Compares with both, always. */
function isSecretOf({ digests: [first, second] }: Entry, digest: Buffer): boolean {
  const isFirst = timingSafeEqual(first, digest);
  const isSecond = timingSafeEqual(second, digest);
  return isFirst || isSecond;
}

function entryOf(record: KeyRecord): Entry {
  const [first, second] = record.secrets.map(({ hmac }) => Buffer.from(hmac, 'hex'));
  return {
    record,
    holder: {
      principal: {
        id: record.id,
        maySee: matcherOf(record.models),
        seesAll: record.models.includes('*'),
      },
      permissions: new Set(record.permissions),
    },
    digests: [first ?? randomBytes(DIGEST_BYTES), second ?? randomBytes(DIGEST_BYTES)],
  };
}
