import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScratch } from '../support/packages.ts';
import { swapVersions } from './hot-swap.ts';

test('no request fails and no answer mixes versions while versions come and go', async (t) => {
  await using scratch = await openScratch();
  const report = await swapVersions({ seed: 1, swaps: 6, connections: 8, folder: scratch.dir });
  assert.deepEqual(report.failures, []);
  assert.ok(report.answers > 6 * 8, `${report.answers} answers`);
  t.diagnostic(JSON.stringify(report));
});
