import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzGrpc } from './fuzz-grpc.ts';

test('a thousand damaged calls end in a status that is no defect, and damaged connections end', async () => {
  const report = await fuzzGrpc({ seed: 1, inputs: 1000 });
  assert.deepEqual(report.defects, []);
  assert.ok((report.statuses['0'] ?? 0) > 50, JSON.stringify(report.statuses));
  assert.ok((report.statuses['3'] ?? 0) > 200, JSON.stringify(report.statuses));
});
