/** Broken requests: whatever the bytes, the REST adapter answers once, with 200 or a coded 4xx, and never throws. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { COLUMN_CASES, RAW_BYTES_CASES, ROW_CASES, VALUE_CASES } from './tfserving-cases.ts';
import { VALUE_ERRORS } from './tfserving-refusals.ts';
import { FakeCall, fakeServer } from './fake-server.ts';
import { conformanceRuntime } from './models.ts';

const CASES = [...ROW_CASES, ...COLUMN_CASES, ...VALUE_CASES, ...RAW_BYTES_CASES, ...VALUE_ERRORS];
const runtime = conformanceRuntime();
const server = fakeServer(runtime);

function assertAnswered(path: string, body: Uint8Array): FakeCall {
  const call = server.send(new FakeCall('POST', `/v1/models/${path}`, body));
  runtime.flush();
  runtime.submitted.length = 0;
  if (call.status === 200) return call;
  const context = `${path} ${Buffer.from(body).toString()} -> ${call.status} ${call.replyBody}`;
  assert.ok(call.status >= 400 && call.status < 500, context);
  assert.equal(typeof (JSON.parse(call.replyBody) as { error: unknown }).error, 'string');
  assert.match(call.notes.find(([field]) => field === 'error')?.[1] ?? '', /^SKY_[A-Z_]+$/);
  return call;
}

test('a body cut at any byte is refused as a syntax error', () => {
  for (const { path = 'half_plus_two:predict', body } of CASES) {
    const bytes = Buffer.from(body);
    for (let length = 0; length < bytes.length; length++) {
      const call = assertAnswered(path, bytes.subarray(0, length));
      assert.match(call.replyBody, /JSON Parse error/, bytes.subarray(0, length).toString());
    }
  }
});

test('a body with changed bytes is answered', () => {
  const edit = fc.record({
    at: fc.nat(),
    byte: fc.constantFrom(...Buffer.from('[]{}",:.-+eE019 truenlNaIf\\b64x\u0000\u00ff', 'latin1')),
  });
  fc.assert(
    fc.property(
      fc.constantFrom(...CASES),
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      ({ path, body }, edits) => {
        const bytes = Buffer.from(body);
        for (const { at, byte } of edits) bytes[at % bytes.length] = byte;
        assertAnswered(path ?? 'half_plus_two:predict', bytes);
      },
    ),
    { numRuns: 4000 },
  );
});

test('a body with parts left out or repeated is answered', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CASES),
      fc.nat(),
      fc.nat(),
      fc.boolean(),
      ({ path, body }, from, to, isRepeated) => {
        const start = Math.min(from % body.length, to % body.length);
        const end = Math.max(from % body.length, to % body.length);
        const middle = isRepeated ? body.slice(start, end).repeat(2) : '';
        assertAnswered(
          path ?? 'half_plus_two:predict',
          Buffer.from(body.slice(0, start) + middle + body.slice(end)),
        );
      },
    ),
    { numRuns: 2000 },
  );
});

test('any JSON value under instances and inputs is answered', () => {
  const key = fc.constantFrom('instances', 'inputs');
  const model = fc.constantFrom(
    'half_plus_two',
    'two_inputs',
    'strings',
    'echo_int8',
    'echo_bool',
    'echo_uint64',
  );
  fc.assert(
    fc.property(model, key, fc.jsonValue({ maxDepth: 4 }), (name, member, value) => {
      assertAnswered(`${name}:predict`, Buffer.from(JSON.stringify({ [member]: value })));
    }),
    { numRuns: 2000 },
  );
});

test('nesting without end is refused', () => {
  for (const open of ['[', '{"a":', '[{"b64":'])
    for (const path of ['half_plus_two:predict', 'echo_string:predict']) {
      const call = assertAnswered(path, Buffer.from(`{"instances":${open.repeat(200_000)}`));
      assert.ok([400, 413].includes(call.status));
    }
});
