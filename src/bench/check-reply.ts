/** Decides whether a reply is good: a fast wrong answer is a failure. */
import type { ReplyCheck, RequestEnd } from './load-types.ts';
import type { Reply } from './reply-reader.ts';

/** Prepares the check once; the result is called for every reply. */
export function createReplyCheck(check: ReplyCheck = {}): (reply: Reply) => RequestEnd {
  const { status = 200, body, tolerance = 0 } = check;
  if (body === undefined) return (reply) => (reply.status === status ? 'ok' : 'status');
  const expected = Buffer.from(body);
  const isGood = (bytes: Uint8Array): boolean =>
    expected.equals(bytes) || (tolerance > 0 && isCloseJson(body, bytes, tolerance));
  return (reply) => {
    if (reply.status !== status) return 'status';
    return isGood(reply.body) ? 'ok' : 'body';
  };
}

function isCloseJson(expected: string, bytes: Uint8Array, tolerance: number): boolean {
  try {
    return isClose(JSON.parse(expected), JSON.parse(new TextDecoder().decode(bytes)), tolerance);
  } catch {
    return false;
  }
}

/** Equal in form; numbers within `tolerance`. */
function isClose(a: unknown, b: unknown, tolerance: number): boolean {
  if (typeof a === 'number' && typeof b === 'number') return Math.abs(a - b) <= tolerance;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), new Map<string, unknown>(Object.entries(b))];
  return (
    left.length === right.size &&
    left.every(([key, value]) => right.has(key) && isClose(value, right.get(key), tolerance))
  );
}
