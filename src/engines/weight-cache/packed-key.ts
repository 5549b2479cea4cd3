/** Which packed form belongs to a package, and which packages get one. Pure. */
import { createHash } from 'node:crypto';
import type { Limits } from '../../core/limits.ts';
import type { PackageFile, PackageHandle } from '../../package/manifest.ts';

/** Goes up when packed forms of older releases must not be loaded any more. */
const FORMAT = 1;

/**
 * Address of the packed form, lower-case hex. Packages with the same model files share one: names, labels and signatures do
 * not change weights.
 * @param traits of the engine kind and this machine
 */
export function packedKey({ manifest }: PackageHandle, traits: readonly string[]): string {
  const files = manifest.files.filter(isModelFile).map(({ path, sha256 }) => [path, sha256] as const);
  const identity = [FORMAT, traits, manifest.engine, files.toSorted(([a], [b]) => (a < b ? -1 : 1))];
  return createHash('sha256').update(JSON.stringify(identity)).digest('hex');
}

/** Never for encrypted models: their packed form would lie on the disk in the clear. */
export function isWorthPacking(
  { manifest }: PackageHandle,
  limits: Pick<Limits, 'weight_cache_bytes' | 'weight_cache_min_bytes'>,
): boolean {
  if (manifest.files.some(({ encryption }) => encryption !== undefined)) return false;
  const bytes = manifest.files.filter(isModelFile).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return bytes >= limits.weight_cache_min_bytes && bytes <= limits.weight_cache_bytes;
}

function isModelFile({ role }: PackageFile): boolean {
  return role === 'graph' || role === 'weights';
}
