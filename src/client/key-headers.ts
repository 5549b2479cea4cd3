/** How a client shows its API key. */
import { SkyliftError } from '../core/errors.ts';

const SENDABLE = /^[\x21-\x7e]+$/;

/** `authorization: Bearer KEY`; nothing without a key. Throws SKY_CONFIG_INVALID, which does not show the key. */
export function keyHeaders(apiKey: string | undefined): Readonly<Record<string, string>> {
  if (apiKey === undefined) return {};
  if (SENDABLE.test(apiKey)) return { authorization: `Bearer ${apiKey}` };
  throw new SkyliftError('SKY_CONFIG_INVALID', 'the API key has characters that no key has, or none at all', {
    hint: 'Set it again, without blanks or line breaks.',
  });
}
