/** Where the versions of a model come from: one file or package that stays as it is, or a base path with numbered folders. */
import { dirname } from 'node:path';
import { SkyliftError, unreachable } from '../../../core/errors.ts';
import type { Importer } from '../../../package/importer.ts';
import { locateModel } from '../../../package/locate.ts';
import type { Located } from '../../../package/locate.ts';
import type { PackageHandle } from '../../../package/manifest.ts';
import { resolveReference } from '../../../package/resolve-reference.ts';
import type { PackageStore } from '../../../package/store.ts';
import type { Offered, VersionLook } from '../versions/version-work.ts';
import type { VersionOptions } from '../loading/version-options.ts';
import { lookAtFiles } from './look-at-files.ts';

export interface FoundVersion extends Offered {
  /** undefined: there is nothing to look at any more. */
  look(): Promise<VersionLook | undefined>;
  /** Imports or copies into the store, verified, and gives the store's copy. */
  open(): Promise<PackageHandle>;
  /** What is said beside the files of the version. Throws SKY_CONFIG_INVALID. @default nothing */
  options?(): Promise<VersionOptions>;
}

export interface ModelSource {
  /** For messages. */
  readonly path: string;
  /**
   * What is there now, at least one version. Throws SKY_REF_INVALID, SKY_MODEL_NOT_FOUND, SKY_MODEL_NO_VERSIONS,
   * SKY_MODEL_FORMAT_UNKNOWN, SKY_NOT_SUPPORTED_YET, SKY_STORE_IO.
   */
  list(): Promise<readonly FoundVersion[]>;
}

export interface SourceTools {
  readonly store: PackageStore;
  readonly importer: Importer;
  /** Milliseconds since the epoch, as file systems count. */
  readonly wallMs: () => number;
  /** Reads what is said in a folder beside the model. @default nothing is looked for */
  readonly optionsIn?: ((folder: string) => Promise<VersionOptions>) | undefined;
}

/** The number of a model that was given without one. */
const UNNUMBERED = 1n;

/** Files that are given by name are taken as they are: whoever names one says that it is complete. */
const STEADY: VersionLook = { revision: '', quietMs: Infinity };

/** @param text a model reference; what it leads to is found out at every listing */
export function createModelSource(text: string, tools: SourceTools): ModelSource {
  const optionsIn = async (folder: string): Promise<VersionOptions> =>
    (await tools.optionsIn?.(folder)) ?? {};
  return {
    path: text,
    async list() {
      const located = await locateModel(await resolveReference(text, async () => tools.store));
      if (located.kind !== 'versions')
        return [
          {
            version: UNNUMBERED,
            look: async () => STEADY,
            open: () => openLocated(located, tools),
            options: () => optionsIn(located.kind === 'file' ? dirname(located.path) : located.path),
          },
        ];
      return located.versions.map(({ version, path }) => ({
        version,
        look: () => lookAtFiles(path, tools.wallMs()),
        open: async () => openLocated(await locateModel(path), tools),
        options: () => optionsIn(path),
      }));
    },
  };
}

/** Imports what was located, or copies it into the store. */
export async function openLocated(
  located: Located,
  { store, importer }: Pick<SourceTools, 'store' | 'importer'>,
): Promise<PackageHandle> {
  switch (located.kind) {
    case 'file':
    case 'foreign-folder':
      return importer.import(located.path);
    case 'package':
      return store.adopt(located.path);
    case 'versions':
      throw new SkyliftError('SKY_MODEL_NO_VERSIONS', `${located.path} holds versions, not a model`, {
        hint: 'Put the model file or package directly into the numbered folder.',
      });
    default:
      return unreachable(located);
  }
}
