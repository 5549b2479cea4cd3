import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MANIFEST } from '../../../test/support/packages.ts';
import type { PackageManifest } from '../../package/manifest.ts';
import { isWorthPacking, packedKey } from './packed-key.ts';

const TRAITS = ['library 1.2', 'x64 avx2'];
const pkgOf = (changes: Partial<PackageManifest> = {}) => ({
  dir: '/anywhere',
  digest: 'd'.repeat(64),
  manifest: { ...MANIFEST, ...changes },
});
const [graph, weights] = MANIFEST.files;
assert.ok(graph && weights);

test('the key is that of the model files and the machine: names, labels and places do not count', () => {
  const key = packedKey(pkgOf(), TRAITS);
  assert.match(key, /^[0-9a-f]{64}$/);
  const elsewhere = { ...pkgOf({ labels: {}, lineage: [] }), dir: '/elsewhere', digest: 'e'.repeat(64) };
  assert.equal(packedKey(elsewhere, TRAITS), key);
  assert.equal(packedKey(pkgOf({ files: [weights, graph] }), TRAITS), key);
  const withAsset = [graph, weights, { ...graph, path: 'labels.txt', role: 'asset' } as const];
  assert.equal(packedKey(pkgOf({ files: withAsset }), TRAITS), key);
});

test('other weights, another library, another processor: another key', () => {
  const keys = [
    packedKey(pkgOf(), TRAITS),
    packedKey(pkgOf({ files: [graph, { ...weights, sha256: 'f'.repeat(64) }] }), TRAITS),
    packedKey(pkgOf({ files: [graph, { ...weights, path: 'other.bin' }] }), TRAITS),
    packedKey(pkgOf(), ['library 1.3', 'x64 avx2']),
    packedKey(pkgOf(), ['library 1.2', 'x64 avx512']),
    packedKey(pkgOf(), ['library 1.2x64 avx2']),
  ];
  assert.equal(new Set(keys).size, keys.length);
});

test('models are packed that are large enough, fit, and may lie in the clear', () => {
  const bytes = graph.sizeBytes + weights.sizeBytes;
  const limits = { weight_cache_bytes: bytes, weight_cache_min_bytes: bytes };
  assert.equal(isWorthPacking(pkgOf(), limits), true);
  assert.equal(isWorthPacking(pkgOf(), { ...limits, weight_cache_min_bytes: bytes + 1 }), false);
  assert.equal(isWorthPacking(pkgOf(), { ...limits, weight_cache_bytes: bytes - 1 }), false);
  assert.equal(isWorthPacking(pkgOf(), { weight_cache_bytes: 0, weight_cache_min_bytes: 0 }), false);
  const encrypted = [graph, { ...weights, encryption: 'age' } as const];
  assert.equal(isWorthPacking(pkgOf({ files: encrypted }), limits), false);
});
