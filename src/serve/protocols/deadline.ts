/** Until when a request must be answered. */
import { SkyliftError } from '../../core/errors.ts';
import type { HttpCall } from './http-call.ts';
import type { ProtocolContext } from './context.ts';
import { invalidRequest } from './failures.ts';

const TIMEOUT_HEADER = 'x-request-timeout-ms';

/** What a limit of 0 (no timeout) means: 24 days, the longest timer. */
const FOREVER_MS = 2 ** 31 - 1;

/**
 * Monotonic milliseconds: arrival plus the smallest of rest_api_timeout_in_ms, the client's `x-request-timeout-ms` and
 * `askedMs`, what the body asks for.
 * Throws SKY_REQUEST_INVALID for a header that is no positive number, SKY_DEADLINE_EXCEEDED when it is too late already.
 */
export function deadlineOf(call: HttpCall, { clock, limits }: ProtocolContext, askedMs = FOREVER_MS): number {
  const serverMs = limits.rest_api_timeout_in_ms > 0 ? limits.rest_api_timeout_in_ms : FOREVER_MS;
  const timeoutMs = Math.min(serverMs, askedMs, clientTimeoutMs(call) ?? serverMs);
  const deadlineAtMs = call.arrivedAtMs + timeoutMs;
  if (clock.nowMs() >= deadlineAtMs)
    throw new SkyliftError(
      'SKY_DEADLINE_EXCEEDED',
      `the request was not ready to run within its ${timeoutMs} ms`,
    );
  return deadlineAtMs;
}

function clientTimeoutMs(call: HttpCall): number | undefined {
  const text = call.headers.get(TIMEOUT_HEADER);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0)
    throw invalidRequest(`${TIMEOUT_HEADER}: "${text}" is not a number of milliseconds from 1 to 999999999`);
  return Number(text);
}
