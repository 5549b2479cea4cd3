/**
 * Tells what a path is: a model file, a package, or a base path with numbered versions as TensorFlow Serving lays them out
 * (`<name>/<version>/…`). Looks at names only; the bytes are judged by who opens them.
 */
import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { SkyliftError, isSkyliftError } from '../core/errors.ts';
import { fileFailure, isAbsence, notRegularFile } from './file-failure.ts';
import { explainFile, explainNoVersions } from './locate-hint.ts';
import { MANIFEST_FILE } from './manifest.ts';
import { judgeFolder } from './model-files.ts';
import { parseVersion } from './version-name.ts';

/** One numbered folder of a base path. */
export interface LocatedVersion {
  readonly version: bigint;
  /** The package folder or the one model file of the version; the numbered folder itself when it holds neither. */
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
  const versions = await versionsIn(absolute, entries);
  if (versions.length > 0) return { kind: 'versions', path: absolute, versions };
  if (content) return content;
  throw explainNoVersions(absolute, entries);
}

/**
 * The versions under a base path, ascending, at least one; strict as TensorFlow Serving is: a model that lies directly in
 * the folder is no version. Throws as `locateModel` does.
 */
export async function listVersions(basePath: string): Promise<readonly LocatedVersion[]> {
  const absolute = resolve(basePath);
  const entries = await readEntries(absolute);
  if (entries === 'file') throw explainFile(absolute);
  const versions = await versionsIn(absolute, entries);
  if (versions.length === 0) throw explainNoVersions(absolute, entries);
  return versions;
}

async function versionsIn(basePath: string, { folders }: Entries): Promise<LocatedVersion[]> {
  const versions: LocatedVersion[] = [];
  for (const name of folders) {
    const version = parseVersion(name);
    if (version === undefined) continue;
    const path = join(basePath, name);
    const entries = await readEntries(path).catch(undefinedIfGone);
    if (entries === undefined || entries === 'file') continue;
    const content = contentOf(path, entries);
    versions.push({ version, path: content?.path ?? path });
  }
  return versions.sort((a, b) => (a.version < b.version ? -1 : 1));
}

/** A version that is removed while its base path is listed is no failure of the listing. */
function undefinedIfGone(error: unknown): undefined {
  if (!isSkyliftError(error) || error.code !== 'SKY_MODEL_NOT_FOUND') throw error;
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
