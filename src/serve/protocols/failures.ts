/**
 * Failures as clients read them: `{"error": "<message>"}` with the status of the canonical code, exactly so for TensorFlow
 * Serving's, with the code and the hint beside it for all others.
 */
import { SkyliftError, isSkyliftError, toSkyliftError } from '../../core/errors.ts';
import { GRPC_TYPE, cutMessage, statusHeaders } from './grpc-status.ts';
import { JSON_TYPE } from './http-call.ts';
import type { HttpCall, Route } from './http-call.ts';

/** Used when the error does not say when to come back. */
const DEFAULT_RETRY_AFTER_MS = 1000;

/** A handler whose failures are answered. */
export function answering(handle: (call: HttpCall) => void): Route['handle'] {
  return (call) => {
    try {
      handle(call);
    } catch (error) {
      replyError(call, error);
    }
  };
}

/** What the client is told of a failure; of a defect nothing but the request's id. Notes its code for the access log. */
export function toldError(call: HttpCall, failure: unknown): SkyliftError {
  const error = isSkyliftError(failure) ? failure : internalError(call, failure);
  call.note('error', error.code);
  return error;
}

/** As `answering`, for handlers that take their time. */
export function answeringLater(handle: (call: HttpCall) => Promise<void>): Route['handle'] {
  return (call) => void handle(call).catch((error: unknown) => replyError(call, error));
}

/** Answers `call` with the failure. Only the code goes to the access log. */
export function replyError(call: HttpCall, failure: unknown): void {
  const error = toldError(call, failure);
  const { status } = error;
  if (call.isGrpc) call.reply(status, GRPC_TYPE, '', statusHeaders(error.grpc, error.message));
  else call.reply(status, JSON_TYPE, bodyOf(call, error), retryAfter(error, status));
}

/** `{"error": "<message>"}` with the message cut at 1024 characters. */
export function errorBody(message: string): string {
  return `{"error": ${JSON.stringify(cutMessage(message))}}`;
}

/** `{"error": message, "code": …, "hint": …, "id": …}`; `id` finds the request in the log. */
export function codedBody(error: SkyliftError, id?: string): string {
  return JSON.stringify({ error: cutMessage(error.message), code: error.code, hint: error.hint, id });
}

function bodyOf(call: HttpCall, error: SkyliftError): string {
  return call.protocol === 'oip' ? codedBody(error, call.id) : errorBody(error.message);
}

/** SKY_REQUEST_INVALID (400). */
export function invalidRequest(message: string): SkyliftError {
  return new SkyliftError('SKY_REQUEST_INVALID', message);
}

/** The text of a defect may hold anything: it stays here, the client gets the request's id. */
function internalError(call: HttpCall, failure: unknown): SkyliftError {
  const { message } = toSkyliftError(failure);
  call.note('error', `SKY_INTERNAL: ${message}`);
  return new SkyliftError('SKY_INTERNAL', `Internal error. Request id: ${call.id}`, { cause: failure });
}

/** Seconds, for answers that another attempt may change. */
function retryAfter(error: SkyliftError, status: number): Record<string, string> {
  if (status !== 503 && error.code !== 'SKY_OVERLOADED') return {};
  const givenMs = error.details['retryAfterMs'];
  const delayMs = typeof givenMs === 'number' ? givenMs : DEFAULT_RETRY_AFTER_MS;
  return { 'retry-after': String(Math.max(1, Math.ceil(delayMs / 1000))) };
}
