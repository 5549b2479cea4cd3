import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERROR_CODES, HTTP_STATUS } from '../../core/error-codes.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import { SkyliftError } from '../../core/errors.ts';
import type { HttpCall } from './http-call.ts';
import { errorBody, replyError } from './failures.ts';

const CODES = Object.keys(ERROR_CODES) as ErrorCode[];

interface Reply {
  status: number;
  type: string;
  body: string;
  headers: Readonly<Record<string, string>>;
  notes: string[];
}

function replyOf(failure: unknown): Reply {
  const notes: string[] = [];
  let answer: Omit<Reply, 'notes'> | undefined;
  const call: Pick<HttpCall, 'id' | 'reply' | 'note'> = {
    id: 'request-1',
    reply: (status, type, body, headers = {}) => {
      answer = { status, type, body: String(body), headers };
    },
    note: (field, value) => notes.push(`${field}=${value}`),
  };
  replyError(call as HttpCall, failure);
  assert.ok(answer);
  return { ...answer, notes };
}

const OWN_STATUS: Partial<Record<ErrorCode, number>> = {
  SKY_REQUEST_TOO_LARGE: 413,
  SKY_ROUTE_NOT_FOUND: 404,
};

test('every code of the table answers with the status of its canonical code, but for two that HTTP tells better', () => {
  for (const code of CODES) {
    const wanted = OWN_STATUS[code] ?? HTTP_STATUS[ERROR_CODES[code].grpc];
    const reply = replyOf(new SkyliftError(code, `text of ${code}`));
    assert.deepEqual([code, reply.status, reply.type], [code, wanted, 'application/json']);
    assert.equal(reply.body, `{"error": "text of ${code}"}`);
    assert.deepEqual(reply.notes, [`error=${code}`]);
  }
});

test('Retry-After is on every 503 and on overload, and on nothing else', () => {
  for (const code of CODES) {
    const { status, headers } = replyOf(new SkyliftError(code, ''));
    const isExpected = status === 503 || code === 'SKY_OVERLOADED';
    assert.equal('retry-after' in headers, isExpected, code);
  }
});

test('Retry-After is what the error says, in whole seconds and at least one', () => {
  for (const [retryAfterMs, seconds] of [
    [1, '1'],
    [1000, '1'],
    [2500, '3'],
  ] as const) {
    const error = new SkyliftError('SKY_OVERLOADED', '', { details: { retryAfterMs } });
    assert.equal(replyOf(error).headers['retry-after'], seconds);
  }
});

test('the text of a defect is not sent, the id of the request is', () => {
  const reply = replyOf(new TypeError('x.secret is not a function'));
  assert.equal(reply.status, 500);
  assert.equal(reply.body, '{"error": "Internal error. Request id: request-1"}');
});

test('an error text is cut at 1024 characters', () => {
  assert.equal(errorBody('x'.repeat(1024)), `{"error": "${'x'.repeat(1024)}"}`);
  assert.equal(errorBody('x'.repeat(1025)), `{"error": "${'x'.repeat(1024)}...TRUNCATED"}`);
});

test('an error text is escaped', () => {
  assert.deepEqual(JSON.parse(errorBody('"\n\ud800ä')), { error: '"\n\ud800ä' });
});
