/** The pepper: a secret of the server that stored hashes depend on, so that a stolen key file alone is worth nothing. */
import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { SkyliftError } from '../../../core/errors.ts';

const PEPPER_BYTES = 32;
const PEPPER = /^[0-9a-f]{64}$/i;
const TAG_CHARS = 16;
/** No secret of a key: those have 32 bytes. */
const TAG_TEXT = 'skylift pepper';

/** What a pepper file may have: 64 hex digits, and blanks or line ends around them. */
export const MAX_PEPPER_FILE_BYTES = 128;

export interface Pepper {
  /** 16 hex digits that tell peppers apart and reveal nothing of them. */
  readonly tag: string;
  /** HMAC-SHA-256(pepper, secret), 32 bytes. @param secret hex */
  digest(secret: string): Buffer;
}

/** Text of a new pepper file. */
export function newPepperText(): string {
  return `${randomBytes(PEPPER_BYTES).toString('hex')}\n`;
}

/** The pepper in the bytes of its file. Throws SKY_CONFIG_INVALID, without a word of what is in there. */
export function parsePepper(bytes: Uint8Array, path: string): Pepper {
  const text = Buffer.from(bytes).toString('latin1').trim();
  if (!PEPPER.test(text))
    throw new SkyliftError('SKY_CONFIG_INVALID', `${path} is no pepper: it is not 64 hex digits`, {
      hint: 'Put the file there that `skylift keys create` made; without it no key of the key file works.',
    });
  return createPepper(createSecretKey(text, 'hex'));
}

function createPepper(key: KeyObject): Pepper {
  return {
    tag: createHmac('sha256', key).update(TAG_TEXT).digest('hex').slice(0, TAG_CHARS),
    digest: (secret) => createHmac('sha256', key).update(secret, 'hex').digest(),
  };
}
