/** Writers that die at random moments: the store stays sound, and what they left is collected. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashStore } from '../../tools/soak-store.ts';

test('25 writers killed at random moments leave a clean store', { timeout: 60_000 }, async () => {
  const report = await crashStore({ seed: 20_261_124, kills: 25 });
  assert.ok(report.orphans > 0, 'no kill hit a writer in the middle');
  assert.ok(report.packages > 0);
});
