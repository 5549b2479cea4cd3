/** From a path that a user gave to the version that shall be served, opened from the local store. */
import type { Importer } from '../package/importer.ts';
import { locateModel } from '../package/locate.ts';
import type { PackageHandle } from '../package/manifest.ts';
import type { PackageStore } from '../package/store.ts';

export interface FoundVersion {
  readonly version: bigint;
  /** What the path turned out to be, for the talk on stderr. */
  readonly what: 'file' | 'package';
  /** Imports or copies into the store, verified, and gives the store's copy. */
  open(): Promise<PackageHandle>;
}

/** The number of a model that was given without one. */
const UNNUMBERED = 1n;

/**
 * The newest version under `path`: a foreign file, a package, or a folder of numbered versions. Throws SKY_MODEL_NOT_FOUND,
 * SKY_MODEL_NO_VERSIONS, SKY_MODEL_FORMAT_UNKNOWN.
 */
export async function findVersion(
  path: string,
  store: PackageStore,
  importer: Importer,
): Promise<FoundVersion> {
  const located = await locateModel(path);
  switch (located.kind) {
    case 'package':
      return { version: UNNUMBERED, what: 'package', open: () => store.adopt(path) };
    case 'versions': {
      const newest = located.versions.reduce((best, each) => (each.version > best.version ? each : best));
      return { ...(await findVersion(newest.path, store, importer)), version: newest.version };
    }
    default:
      return { version: UNNUMBERED, what: 'file', open: () => importer.import(path) };
  }
}
