/**
 * The form of an API key: `skl_<id>_<secret><crc>`. The id finds the record, the secret is 32 random bytes, and the CRC
 * tells a typing error from a wrong key without a look at any record.
 */
import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What `parseApiKey` found. */
export type ParsedKey =
  | { readonly kind: 'key'; readonly id: string; readonly secret: string }
  | { readonly kind: 'malformed' }
  /** The form is right, a character is not. */
  | { readonly kind: 'checksum' };

/** Letters and digits that people do not mix up (RFC 4648, base32 in lower case); one byte gives one without bias. */
const ID_ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_CHARS = 16;
const SECRET_BYTES = 32;
const CRC_CHARS = 8;

/** The form of an id, as the key file has it, too. */
export const KEY_ID = /^[a-z2-7]{16}$/;
/** Lower case only, so that a key can be written in one way. */
const KEY = /^skl_([a-z2-7]{16})_([0-9a-f]{64})([0-9a-f]{8})$/;

const MALFORMED: ParsedKey = { kind: 'malformed' };
const WRONG_CHECKSUM: ParsedKey = { kind: 'checksum' };

/** A new id: 80 random bits. */
export function newKeyId(): string {
  return Array.from(randomBytes(ID_CHARS), (byte) => ID_ALPHABET.charAt(byte & 31)).join('');
}

/** A new secret: 32 random bytes in lower-case hex. */
export function newSecret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

/** The text that its owner keeps. */
export function formatApiKey(id: string, secret: string): string {
  const body = `skl_${id}_${secret}`;
  return body + checksum(body);
}

/** Never throws, whatever the text. Takes as long for a wrong key as for a right one. */
export function parseApiKey(text: string): ParsedKey {
  const [, id, secret, crc] = KEY.exec(text) ?? [];
  if (id === undefined || secret === undefined) return MALFORMED;
  return checksum(text.slice(0, -CRC_CHARS)) === crc ? { kind: 'key', id, secret } : WRONG_CHECKSUM;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(CRC_CHARS, '0');
}
