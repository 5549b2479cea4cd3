/**
 * Tells what a path is: a model file, a package, or a base path with numbered versions as TensorFlow Serving lays them out
 * (`<name>/<version>/…`). Looks at names only; the bytes are judged by who opens them.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SkyliftError } from '../core/errors.ts';
import { fileFailure, isAbsence, notRegularFile } from './file-failure.ts';
import { explainNoVersions } from './locate-hint.ts';
import { MANIFEST_FILE } from './manifest.ts';
import { judgeFolder } from './model-files.ts';
import { parseVersionFolder } from './version-name.ts';

/** One numbered folder of a base path; what lies in it is not looked at. */
export interface LocatedVersion {
  readonly version: bigint;
  readonly path: string;
}

export type Located =
  /** A model file, named itself or as the only one of its folder. */
  | { readonly kind: 'file'; readonly path: string }
  /** A folder with skylift.json. */
  | { readonly kind: 'package'; readonly path: string }
  /** In ascending order, at least one. */
  | { readonly kind: 'versions'; readonly path: string; readonly versions: readonly LocatedVersion[] }
  /** A model folder of another tool; `what` names it with its article. */
  | { readonly kind: 'foreign-folder'; readonly path: string; readonly what: string };

interface Entries {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/**
 * What `path` is. Throws SKY_MODEL_NOT_FOUND, SKY_MODEL_NO_VERSIONS (a folder with nothing to serve),
 * SKY_MODEL_FORMAT_UNKNOWN (a pipe, socket or device), SKY_STORE_IO.
 */
export async function locateModel(path: string): Promise<Located> {
  const absolute = resolve(path);
  const entries = await readEntries(absolute);
  if (entries === 'file') return { kind: 'file', path: absolute };
  const content = contentOf(absolute, entries);
  if (content?.kind === 'package') return content;
  const versions = versionsIn(absolute, entries);
  if (versions.length > 0) return { kind: 'versions', path: absolute, versions };
  if (content) return content;
  throw explainNoVersions(absolute, entries);
}

/** Ascending; of two folders with the same number (`7`, `007`) the first by name counts. */
function versionsIn(basePath: string, { folders }: Entries): LocatedVersion[] {
  const versions = new Map<bigint, LocatedVersion>();
  for (const name of folders) {
    const version = parseVersionFolder(name);
    if (version !== undefined && !versions.has(version))
      versions.set(version, { version, path: join(basePath, name) });
  }
  return [...versions.values()].sort((a, b) => (a.version < b.version ? -1 : 1));
}

/** What lies directly in a folder; undefined for nothing or several models. */
function contentOf(path: string, { files }: Entries): Located | undefined {
  if (files.includes(MANIFEST_FILE)) return { kind: 'package', path };
  const content = judgeFolder(files);
  if (content === undefined) return undefined;
  return content.kind === 'file'
    ? { kind: 'file', path: join(path, content.name) }
    : { kind: 'foreign-folder', path, what: content.what };
}

/** Symbolic links count as what they lead to: mounted volumes are full of them. */
async function readEntries(path: string): Promise<Entries | 'file'> {
  try {
    const facts = await stat(path);
    if (facts.isFile()) return 'file';
    if (!facts.isDirectory()) throw notRegularFile(path);
    const kinds = await Promise.all(
      (await readdir(path, { withFileTypes: true })).map(async (entry) => ({
        name: entry.name,
        kind: await kindOf(path, entry),
      })),
    );
    const named = (kind: string) =>
      kinds
        .filter((entry) => entry.kind === kind)
        .map((entry) => entry.name)
        .sort();
    return { files: named('file'), folders: named('folder') };
  } catch (error) {
    if (isAbsence(error)) throw notFound(path, error);
    throw fileFailure(`look at ${path}`, error);
  }
}

async function kindOf(folder: string, entry: Dirent): Promise<'file' | 'folder' | 'other'> {
  const facts = entry.isSymbolicLink()
    ? await stat(join(folder, entry.name)).catch(() => undefined) // a dangling link is nothing
    : entry;
  if (facts?.isFile()) return 'file';
  return facts?.isDirectory() ? 'folder' : 'other';
}

function notFound(path: string, cause: unknown): SkyliftError {
  return new SkyliftError('SKY_MODEL_NOT_FOUND', `no file or folder ${path}`, {
    hint: 'Check the spelling of the path, and the folder it starts from.',
    cause,
  });
}
