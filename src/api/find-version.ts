/** From a path that a user gave to the version that shall be served, opened from the local store. */
import { SkyliftError, unreachable } from '../core/errors.ts';
import type { Importer } from '../package/importer.ts';
import { locateModel } from '../package/locate.ts';
import type { PackageHandle } from '../package/manifest.ts';
import type { PackageStore } from '../package/store.ts';

export interface FoundVersion {
  readonly version: bigint;
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
    case 'file':
      return { version: UNNUMBERED, open: () => importer.import(located.path) };
    case 'package':
      return { version: UNNUMBERED, open: () => store.adopt(located.path) };
    case 'versions': {
      const newest = located.versions.reduce((best, each) => (each.version > best.version ? each : best));
      return { ...(await findVersion(newest.path, store, importer)), version: newest.version };
    }
    case 'foreign-folder':
      throw new SkyliftError(
        'SKY_MODEL_FORMAT_UNKNOWN',
        `${located.path} holds ${located.what}, which this release does not import`,
      );
    default:
      return unreachable(located);
  }
}
