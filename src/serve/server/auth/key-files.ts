/** The two files of API keys, the key file and its pepper: read with bounds, checked against each other. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { formatBytes } from '../../../core/units.ts';
import type { KeyFile } from './key-record.ts';
import { parseKeyFile } from './key-schema.ts';
import { MAX_PEPPER_FILE_BYTES, parsePepper } from './pepper.ts';
import type { Pepper } from './pepper.ts';

/** Where API keys are kept. */
export interface KeyPaths {
  readonly keysFile: string;
  /** @default the key file's path with `.pepper` behind it */
  readonly pepperFile?: string | undefined;
}

export type KeyFileLimits = Pick<Limits, 'max_auth_keys' | 'max_auth_file_bytes'>;

/** A file as it was at one moment. */
export interface SecretFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Permission bits. */
  readonly mode: number;
}

export interface ReadKeyFiles {
  readonly keys: SecretFile;
  readonly pepper: SecretFile;
}

/** What both files say together. */
export interface LoadedKeys {
  readonly file: KeyFile;
  readonly pepper: Pepper;
}

/** Symbolic links are followed: Kubernetes swaps one to change a secret. A FIFO must not block. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

export function pepperPath({ keysFile, pepperFile }: KeyPaths): string {
  return pepperFile ?? `${keysFile}.pepper`;
}

/** Reads both files. Throws SKY_CONFIG_INVALID. */
export async function readKeyFiles(paths: KeyPaths, limits: KeyFileLimits): Promise<ReadKeyFiles> {
  return {
    keys: await readSecretFile(paths.keysFile, limits.max_auth_file_bytes),
    pepper: await readSecretFile(pepperPath(paths), MAX_PEPPER_FILE_BYTES),
  };
}

/** Throws SKY_CONFIG_INVALID, also when the pepper is not the one of these keys. */
export function parseKeyFiles({ keys, pepper }: ReadKeyFiles, limits: KeyFileLimits): LoadedKeys {
  const loaded = {
    file: parseKeyFile(keys.bytes, keys.path, limits),
    pepper: parsePepper(pepper.bytes, pepper.path),
  };
  if (loaded.file.pepper === loaded.pepper.tag) return loaded;
  throw invalid(`${pepper.path} is not the pepper that the keys of ${keys.path} were made with`, {
    hint: 'Put the pepper there that lay beside the key file when its keys were made.',
  });
}

/** Throws SKY_CONFIG_INVALID when it cannot be read or has more than `maxBytes`. */
export async function readSecretFile(path: string, maxBytes: number): Promise<SecretFile> {
  try {
    await using file = await open(path, READ_FLAGS);
    const facts = await file.stat();
    if (!facts.isFile()) throw invalid(`${path} is not a regular file`);
    if (facts.size > maxBytes)
      throw invalid(`${path} has ${formatBytes(facts.size)}, more than ${formatBytes(maxBytes)}`);
    const buffer = Buffer.alloc(facts.size + 1); // one more shows that the file grew
    let length = 0;
    for (let more = 1; more > 0 && length < buffer.length; length += more)
      more = (await file.read(buffer, length)).bytesRead;
    if (length !== facts.size) throw invalid(`${path} changed while it was read`);
    return { path, bytes: buffer.subarray(0, length), mode: facts.mode & 0o777 };
  } catch (error) {
    if (error instanceof SkyliftError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(`cannot read ${path}: ${reason}`, {
      cause: error,
      hint: 'Make it with `skylift keys create FILE`, and let the user of the server read it.',
    });
  }
}

function invalid(message: string, options?: { cause?: unknown; hint: string }): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', message, options);
}
