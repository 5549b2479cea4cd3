/** Changes the key file on the disk: under a lock, whole or not at all, for its owner's eyes only. */
import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isSkyliftError, SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { createFile } from '../../../package/file-copy.ts';
import { isAbsence } from '../../../package/file-failure.ts';
import { withLock } from '../../../package/file-lock.ts';
import { diskFiles } from '../../../package/file-port.ts';
import type { KeyEdit } from './key-edits.ts';
import { parseKeyFiles, pepperPath, readKeyFiles, readKeyFile } from './key-files.ts';
import type { KeyPaths, LoadedKeys } from './key-files.ts';
import type { KeyFile } from './key-record.ts';
import { formatKeyFile, parseKeyFile } from './key-schema.ts';
import { MAX_PEPPER_FILE_BYTES, newPepperText, parsePepper } from './pepper.ts';

const OWNER_ONLY = 0o600;

/** The keys of the file; their pepper is not needed. Throws SKY_CONFIG_INVALID. */
export async function listKeys({ keysFile }: KeyPaths, limits: Limits): Promise<KeyFile> {
  const { bytes } = await readKeyFile(keysFile, limits.max_auth_file_bytes);
  return parseKeyFile(bytes, keysFile, limits);
}

/**
 * Applies `edit` to the key file and writes it by rename. Throws SKY_CONFIG_INVALID when a file cannot be read, written or
 * understood, SKY_STORE_LOCKED, and what `edit` throws.
 * @param make whether a file that is not there is begun, with a new pepper if that is not there either
 */
export async function editKeys<Edit extends KeyEdit>(
  paths: KeyPaths,
  edit: (loaded: LoadedKeys) => Edit,
  { limits, make }: { readonly limits: Limits; readonly make: boolean },
): Promise<Edit> {
  const path = await targetOf(paths.keysFile);
  return writing(path, () =>
    withLock(
      `${path}.lock`,
      async () => {
        const isNew = make && !(await exists(path));
        const done = edit(isNew ? await beginKeys(paths) : await loadKeys(paths, limits));
        const bytes = Buffer.from(formatKeyFile(done.file));
        parseKeyFile(bytes, path, limits); // a server would refuse what breaks a limit
        await replaceFile(path, bytes);
        return done;
      },
      { waitMs: limits.store_lock_wait_ms },
    ),
  );
}

/** No keys yet. A pepper that lies there is taken, never written over: keys of other files may depend on it. */
async function beginKeys(paths: KeyPaths): Promise<LoadedKeys> {
  const path = pepperPath(paths);
  if (!(await exists(path))) await createFile(diskFiles, path, Buffer.from(newPepperText()), OWNER_ONLY);
  const { bytes } = await readKeyFile(path, MAX_PEPPER_FILE_BYTES);
  const pepper = parsePepper(bytes, path);
  return { file: { schema: 1, pepper: pepper.tag, keys: [] }, pepper };
}

async function loadKeys(paths: KeyPaths, limits: Limits): Promise<LoadedKeys> {
  return parseKeyFiles(await readKeyFiles(paths, limits), limits);
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await createFile(diskFiles, fresh, bytes, OWNER_ONLY);
    await diskFiles.rename(fresh, path);
  } catch (error) {
    await diskFiles.remove(fresh);
    throw error;
  }
  await diskFiles.syncFolder(dirname(path));
}

/** A link stays one: what it leads to is replaced. */
async function targetOf(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}

async function exists(path: string): Promise<boolean> {
  try {
    await diskFiles.facts(path);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

async function writing<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (isSkyliftError(error) && error.code !== 'SKY_STORE_IO') throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new SkyliftError('SKY_CONFIG_INVALID', `cannot change the key file ${path}: ${reason}`, {
      cause: error,
      hint: 'Check that its folder is there and that this user may write to it.',
    });
  }
}
