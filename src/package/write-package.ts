/** Makes a package in a directory of the user's choice (`skylift import FILE --out DIR`), whole or not at all. */
import { basename, dirname, join, resolve } from 'node:path';
import { SkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { assemblePackage } from './assemble.ts';
import type { DescribePackage, DraftFile } from './draft.ts';
import { errnoOf, fileFailure, isAbsence } from './file-failure.ts';
import { diskFiles } from './file-port.ts';
import type { FilePort } from './file-port.ts';
import type { PackageHandle } from './manifest.ts';

export interface WriteOptions {
  /** @default the disk */
  readonly files?: FilePort;
  readonly signal?: AbortSignal;
  /** Bytes of all files together. @default max_artifact_bytes */
  readonly maxBytes?: number;
}

const ALL_PERMISSIONS = 0o777; // less the umask: others may read what the user puts there

/**
 * Writes a package of copies of `drafts` to `dir`, which must be absent or empty. It is put together in a hidden folder
 * beside `dir` and renamed, so that a server that watches the parent never sees half of it.
 * Throws SKY_PACKAGE_EXISTS, SKY_PACKAGE_INVALID, SKY_PACKAGE_TOO_LARGE, SKY_STORE_IO, SKY_CANCELLED and what `describe` throws.
 */
export async function writePackage(
  dir: string,
  drafts: readonly DraftFile[],
  describe: DescribePackage,
  options: WriteOptions = {},
): Promise<PackageHandle> {
  const { files = diskFiles, signal, maxBytes = LIMITS.max_artifact_bytes.default } = options;
  const target = resolve(dir);
  let hidden: string | undefined;
  try {
    await requireFree(files, target);
    await files.makeFolder(dirname(target), ALL_PERMISSIONS);
    hidden = await files.makeUniqueFolder(join(dirname(target), `.${basename(target)}.`));
    const stagingDir = join(hidden, 'package');
    await files.makeFolder(stagingDir, ALL_PERMISSIONS);
    const handle = await assemblePackage({ files, stagingDir, maxBytes, signal }, drafts, describe);
    await moveInto(files, stagingDir, target);
    return { ...handle, dir: target };
  } catch (error) {
    throw fileFailure(`write the package ${target}`, error);
  } finally {
    if (hidden !== undefined) await files.remove(hidden).catch(() => {});
  }
}

async function requireFree(files: FilePort, target: string): Promise<void> {
  try {
    if ((await files.list(target)).length > 0) throw taken(target);
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR') throw taken(target);
    if (!isAbsence(error)) throw error;
  }
}

/** rename(2) replaces an empty folder and refuses any other, which closes the gap since the first look. */
async function moveInto(files: FilePort, stagingDir: string, target: string): Promise<void> {
  try {
    await files.rename(stagingDir, target);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOTEMPTY' || errno === 'EEXIST' || errno === 'ENOTDIR') throw taken(target);
    throw error;
  }
  await files.syncFolder(dirname(target));
}

function taken(target: string): SkyliftError {
  return new SkyliftError('SKY_PACKAGE_EXISTS', `${target} exists and is not empty`);
}
