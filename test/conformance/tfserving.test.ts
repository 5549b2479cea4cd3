/** Replays the recorded requests against the REST adapter over a fake runtime. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { COLUMN_CASES, RAW_BYTES_CASES, ROW_CASES, VALUE_CASES } from './tfserving-cases.ts';
import { DOCUMENT_ERRORS, OUTPUT_ERRORS, VALUE_ERRORS } from './tfserving-refusals.ts';
import type { PredictCase } from './tfserving-cases.ts';
import { FakeCall, fakeServer } from './fake-server.ts';
import { conformanceRuntime } from './models.ts';

const GROUPS: Readonly<Record<string, readonly PredictCase[]>> = {
  'row format': ROW_CASES,
  'column format': COLUMN_CASES,
  values: VALUE_CASES,
  'raw bytes': RAW_BYTES_CASES,
  'documents that are refused': DOCUMENT_ERRORS,
  'values that are refused': VALUE_ERRORS,
  'outputs that cannot be written': OUTPUT_ERRORS,
};

for (const [group, cases] of Object.entries(GROUPS))
  describe(group, () => {
    for (const wanted of cases) test(wanted.name, () => checkCase(wanted));
  });

function checkCase(wanted: PredictCase): void {
  const runtime = conformanceRuntime();
  const call = new FakeCall('POST', `/v1/models/${wanted.path ?? 'half_plus_two:predict'}`, wanted.body);
  fakeServer(runtime).send(call);
  runtime.flush();
  assert.equal(call.contentType, 'application/json');
  if (wanted.error === undefined) {
    assert.equal(withoutWhitespace(call.replyBody), wanted.reply);
    assert.equal(call.status, wanted.status ?? 200);
  } else {
    assert.equal((JSON.parse(call.replyBody) as { error: string }).error, wanted.error);
    assert.equal(call.status, wanted.status ?? 400);
  }
}

/** JSON text without the whitespace between its tokens. */
function withoutWhitespace(json: string): string {
  return json.replaceAll(/("(?:[^"\\]|\\.)*")|\s+/g, (_, string: string | undefined) => string ?? '');
}
