import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MANIFEST } from '../../../../test/support/packages.ts';
import { resolveLimits } from '../../../core/limits.ts';
import { engineMemoryBytes, grownBytes } from './engine-memory.ts';

const GiB = 1024 ** 3;

function pkgOf(sizeBytes: number) {
  const files = MANIFEST.files.slice(0, 1).map((file) => ({ ...file, sizeBytes }));
  return { dir: '', digest: '', manifest: { ...MANIFEST, files } };
}

test('an engine may take four times its package, at least 4 GiB, or what it is told', () => {
  assert.equal(engineMemoryBytes(pkgOf(1000), resolveLimits()), 4 * GiB);
  assert.equal(engineMemoryBytes(pkgOf(2 * GiB), resolveLimits()), 8 * GiB);
  assert.equal(engineMemoryBytes(pkgOf(2 * GiB), resolveLimits({ engine_memory_bytes: GiB })), GiB);
});

test('an engine may gain what it had, at least 1 GiB, or what it is told', () => {
  assert.equal(grownBytes(GiB / 8, resolveLimits()), GiB / 8 + GiB);
  assert.equal(grownBytes(3 * GiB, resolveLimits()), 6 * GiB);
  assert.equal(grownBytes(3 * GiB, resolveLimits({ engine_growth_bytes: GiB / 4 })), 3.25 * GiB);
});
