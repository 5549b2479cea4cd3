/** Ids of requests: the caller's own when it is harmless to log, else a short one that no other process makes. */
import { randomBytes } from 'node:crypto';

const HARMLESS_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The caller's id when it is well-formed. */
export function callerRequestId(header: string | undefined): string | undefined {
  return header !== undefined && HARMLESS_ID.test(header) ? header : undefined;
}

/** Makes ids `prefix-counter`, the counter in base 36. @param prefix default: 8 random letters and digits */
export function createRequestIds(prefix: string = randomBytes(4).toString('hex')): () => string {
  let counter = 0;
  return () => `${prefix}-${(++counter).toString(36)}`;
}
