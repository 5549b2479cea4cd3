/** Until when a request must be answered. */
import { SkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { HttpCall } from './http-call.ts';
import type { ProtocolContext } from './context.ts';
import { invalidRequest } from './failures.ts';

const GRPC_TIMEOUT = 'grpc-timeout';
/** Milliseconds of the units of `grpc-timeout`. */
const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

const TIMEOUT_HEADER = 'x-request-timeout-ms';

/** What a limit of 0 (no timeout) means: 24 days, the longest timer. */
const FOREVER_MS = 2 ** 31 - 1;

/**
 * Monotonic milliseconds: arrival plus the smallest of rest_api_timeout_in_ms, the client's `x-request-timeout-ms` and
 * `askedMs`, what the body asks for. On gRPC the client's `grpc-timeout` takes the place of the first two.
 * Throws SKY_REQUEST_INVALID for a header that is no positive number, SKY_DEADLINE_EXCEEDED when it is too late already.
 */
export function deadlineOf(call: HttpCall, { clock, limits }: ProtocolContext, askedMs = FOREVER_MS): number {
  const timeoutMs = Math.min(askedMs, call.isGrpc ? grpcTimeoutMs(call) : httpTimeoutMs(call, limits));
  const deadlineAtMs = call.arrivedAtMs + timeoutMs;
  if (clock.nowMs() >= deadlineAtMs)
    throw new SkyliftError(
      'SKY_DEADLINE_EXCEEDED',
      `the request was not ready to run within its ${timeoutMs} ms`,
    );
  return deadlineAtMs;
}

function grpcTimeoutMs(call: HttpCall): number {
  const text = call.headers.get(GRPC_TIMEOUT);
  if (text === undefined) return FOREVER_MS;
  const unitMs = UNIT_MS[text.slice(-1)];
  if (unitMs === undefined || !/^\d{1,8}.$/.test(text))
    throw invalidRequest(
      `${GRPC_TIMEOUT}: "${text.slice(0, 40)}" is not up to 8 digits and a unit of HMSmun`,
    );
  return Math.min(Number(text.slice(0, -1)) * unitMs, FOREVER_MS);
}

function httpTimeoutMs(call: HttpCall, limits: Limits): number {
  const serverMs = limits.rest_api_timeout_in_ms > 0 ? limits.rest_api_timeout_in_ms : FOREVER_MS;
  return Math.min(serverMs, clientTimeoutMs(call) ?? serverMs);
}

function clientTimeoutMs(call: HttpCall): number | undefined {
  const text = call.headers.get(TIMEOUT_HEADER);
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text) || Number(text) === 0)
    throw invalidRequest(`${TIMEOUT_HEADER}: "${text}" is not a number of milliseconds from 1 to 999999999`);
  return Number(text);
}
