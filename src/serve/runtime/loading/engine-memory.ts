/** How much memory an engine may take: what the kernel allows it, and how far it may grow before it is replaced. Pure. */
import type { Limits } from '../../../core/limits.ts';
import type { PackageHandle } from '../../../package/manifest.ts';

const GiB = 1024 ** 3;
/** Data segment of an engine relative to the package: weights, their packed copy, activations. */
const MEMORY_PER_PACKAGE_BYTE = 4;
const MIN_ENGINE_MEMORY_BYTES = 4 * GiB;
/** Inputs that are larger than those of the warm-up need room, which the engine keeps. */
const MIN_GROWTH_BYTES = GiB;

/** RLIMIT_DATA of an engine in bytes. */
export function engineMemoryBytes({ manifest }: PackageHandle, limits: Limits): number {
  const packageBytes = manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  return (
    limits.engine_memory_bytes || Math.max(MIN_ENGINE_MEMORY_BYTES, packageBytes * MEMORY_PER_PACKAGE_BYTE)
  );
}

/** What an engine may have at most that had `warmBytes` after the warm-up. */
export function grownBytes(warmBytes: number, { engine_growth_bytes: fixedBytes }: Limits): number {
  return warmBytes + (fixedBytes || Math.max(MIN_GROWTH_BYTES, warmBytes));
}
