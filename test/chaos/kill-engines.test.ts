import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { halfPlusTwo } from '../support/onnx-models.ts';
import { killEngines } from './kill-engines.ts';

test('no request fails while engines are killed under load', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-chaos-'));
  try {
    const model = join(folder, 'half_plus_two.onnx');
    await writeFile(model, halfPlusTwo());
    const report = await killEngines({
      seed: 1,
      durationMs: 6000,
      killEveryMs: 1000,
      connections: 16,
      model,
      storeDir: join(folder, 'store'),
    });
    assert.equal(report.failed, 0, JSON.stringify({ ends: report.ends, errors: report.errors }));
    assert.ok(report.crashes > 0 && report.crashes <= report.kills, `${report.crashes} of ${report.kills}`);
    assert.ok(report.requests > 100, `${report.requests} requests`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
