import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScratch } from '../support/packages.ts';
import { slowClients } from './slow-clients.ts';

test('slow clients fail nobody else', async (t) => {
  await using scratch = await openScratch();
  const report = await slowClients({ folder: scratch.dir, clients: 200, durationMs: 1500, seed: 1 });
  assert.equal(report.failed, 0);
  assert.ok(report.requests > 500);
  t.diagnostic(JSON.stringify(report));
});
