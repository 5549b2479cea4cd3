/** From what a user wrote to the version that shall be served, opened from the local store. */
import { existsSync } from 'node:fs';
import { SkyliftError, unreachable } from '../core/errors.ts';
import type { Importer } from '../package/importer.ts';
import { locateModel } from '../package/locate.ts';
import type { PackageHandle } from '../package/manifest.ts';
import { parseReference, requireLocal } from '../package/reference.ts';
import type { PackageStore } from '../package/store.ts';

export interface FoundVersion {
  readonly version: bigint;
  /** Imports or copies into the store, verified, and gives the store's copy. */
  open(): Promise<PackageHandle>;
}

/** The number of a model that was given without one. */
const UNNUMBERED = 1n;

/**
 * The path that a reference stands for: what exists under that very path, else the package of that name in the store.
 * Throws SKY_REF_INVALID, SKY_MODEL_NOT_FOUND, SKY_NOT_SUPPORTED_YET for remote references and for versions of names.
 */
export async function resolveReference(
  text: string,
  openStore: () => Promise<PackageStore>,
): Promise<string> {
  if (existsSync(text)) return text;
  const reference = requireLocal(parseReference(text));
  if (reference.kind === 'path') return reference.path;
  if (reference.version.kind !== 'latest')
    throw new SkyliftError('SKY_NOT_SUPPORTED_YET', `${text}: the store keeps one version of each name`, {
      hint: `Write ${reference.name}, or the path of a folder with numbered versions.`,
    });
  return (await (await openStore()).resolve(reference.name)).dir;
}

/**
 * The newest version of a reference: a foreign file, a package, or a folder of numbered versions. Throws as
 * `resolveReference` does, SKY_MODEL_NO_VERSIONS, SKY_MODEL_FORMAT_UNKNOWN.
 */
export async function findVersion(
  text: string,
  store: PackageStore,
  importer: Importer,
): Promise<FoundVersion> {
  const located = await locateModel(await resolveReference(text, async () => store));
  switch (located.kind) {
    case 'file':
    case 'foreign-folder':
      return { version: UNNUMBERED, open: () => importer.import(located.path) };
    case 'package':
      return { version: UNNUMBERED, open: () => store.adopt(located.path) };
    case 'versions': {
      const newest = located.versions.reduce((best, each) => (each.version > best.version ? each : best));
      return { ...(await findVersion(newest.path, store, importer)), version: newest.version };
    }
    default:
      return unreachable(located);
  }
}
