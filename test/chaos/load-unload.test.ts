import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openScratch } from '../support/packages.ts';
import { cycleLoads } from './load-unload.ts';

test('a model that comes and goes leaves no process and no descriptor behind', async (t) => {
  await using scratch = await openScratch();
  const report = await cycleLoads(scratch.dir, 5, 3);
  assert.equal(report.processes, 0);
  assert.ok(report.descriptors <= 2, `${report.descriptors} descriptors more`);
  t.diagnostic(JSON.stringify(report));
});
