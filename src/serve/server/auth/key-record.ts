/** One API key as the key file holds it: who may do what with which models, until when. Never the secret itself. */
import type { GrantedPermission } from '../../protocols/http-call.ts';

export interface KeySecret {
  /** HMAC-SHA-256(pepper, secret), lower-case hex. */
  readonly hmac: string;
  readonly createdAt: string;
}

export interface KeyRecord {
  readonly id: string;
  readonly description: string;
  readonly permissions: readonly GrantedPermission[];
  /** Names of models; `*` stands for any characters. */
  readonly models: readonly string[];
  /** Not valid before. ISO 8601 in UTC. */
  readonly notBefore?: string;
  /** Not valid from then on. ISO 8601 in UTC. */
  readonly expiresAt?: string;
  /** The live ones, oldest first: two while clients change over. */
  readonly secrets: readonly KeySecret[];
}

export interface KeyFile {
  readonly schema: 1;
  /** Tells which pepper the secrets were hashed with; see `Pepper.tag`. */
  readonly pepper: string;
  readonly keys: readonly KeyRecord[];
}

export const MAX_SECRETS = 2;
export const MAX_MODELS = 64;
export const MAX_DESCRIPTION_CHARS = 256;
export const MAX_MODEL_CHARS = 256;

/** Whether a key is valid at a time, and why not. Milliseconds since the epoch. */
export function validityAt(
  { notBefore, expiresAt }: Pick<KeyRecord, 'notBefore' | 'expiresAt'>,
  wallMs: number,
): 'valid' | 'expired' | 'not-yet-valid' {
  if (notBefore !== undefined && wallMs < Date.parse(notBefore)) return 'not-yet-valid';
  return expiresAt !== undefined && wallMs >= Date.parse(expiresAt) ? 'expired' : 'valid';
}
