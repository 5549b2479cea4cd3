import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { callerContext } from './trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const PARENT = `00-${TRACE}-${SPAN}-01`;

function read(traceparent: string, tracestate?: string): ReturnType<typeof callerContext> {
  const fields = new Map([['traceparent', traceparent]]);
  if (tracestate !== undefined) fields.set('tracestate', tracestate);
  return callerContext(fields);
}

test('a caller says its trace, its span and whether it is recorded', () => {
  assert.deepEqual(read(PARENT), { traceId: TRACE, spanId: SPAN, isSampled: true, state: '' });
  assert.equal(read(`00-${TRACE}-${SPAN}-00`)?.isSampled, false);
  assert.equal(read(`00-${TRACE}-${SPAN}-fe`)?.isSampled, false, 'other flags mean nothing');
  assert.equal(read(`00-${TRACE}-${SPAN}-ff`)?.isSampled, true);
  assert.equal(callerContext(new Map()), undefined);
});

test('a later version may go on behind a dash; version 00 may not, and ff is none', () => {
  assert.equal(read(`cc-${TRACE}-${SPAN}-01`)?.traceId, TRACE);
  assert.equal(read(`cc-${TRACE}-${SPAN}-01-what-comes`)?.traceId, TRACE);
  for (const text of [`${PARENT}-x`, `${PARENT}-`, `ff-${TRACE}-${SPAN}-01`, `cc-${TRACE}-${SPAN}-01x`])
    assert.equal(read(text), undefined, text);
});

test('what is not exactly right counts as absent', () => {
  const wrong = [
    '',
    TRACE,
    PARENT.toUpperCase(),
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.slice(1)}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-1`,
    `00-${TRACE}-${SPAN}-0g`,
    ` ${PARENT}`,
    `${PARENT} `,
    `${PARENT}\n`,
    `${PARENT}, ${PARENT}`, // the header stood twice
  ];
  for (const text of wrong) assert.equal(read(text), undefined, JSON.stringify(text));
});

test('a changed or cut traceparent is never read as another one', () => {
  fc.assert(
    fc.property(fc.nat(PARENT.length - 1), fc.string({ minLength: 1, maxLength: 1 }), (at, character) => {
      const context = read(PARENT.slice(0, at) + character + PARENT.slice(at + 1));
      assert.ok(
        context === undefined || /^[0-9a-f]{32}-[0-9a-f]{16}$/.test(`${context.traceId}-${context.spanId}`),
      );
      assert.equal(read(PARENT.slice(0, at)), undefined);
    }),
  );
});

test('tracestate is kept as it came when all of it is well-formed', () => {
  const states = [
    'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
    'a=1, ,b=2,',
    'fw529a3039@dt=FfYq u/A',
    `a=${'x'.repeat(256)}`,
  ];
  for (const state of states) assert.equal(read(PARENT, state)?.state, state);
});

test('a tracestate that breaks a rule is dropped whole, and the trace goes on', () => {
  const states = [
    'a',
    '=1',
    'a=',
    'A=1',
    'a=1=2',
    'a=1,a=2',
    'a=b\u00e9',
    `a=${'x'.repeat(257)}`,
    `${'k'.repeat(257)}=1`,
    Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(','),
    Array.from({ length: 30 }, (_, i) => `k${i}=${'x'.repeat(20)}`).join(','),
  ];
  for (const state of states) {
    const context = read(PARENT, state);
    assert.deepEqual([context?.traceId, context?.state], [TRACE, ''], state);
  }
  assert.equal(read('broken', 'a=1'), undefined);
});
