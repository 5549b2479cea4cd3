/** The two files of API keys, the key file and its pepper: read with bounds, checked against each other. */
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import { readSettingsFile } from '../../../package/settings-file.ts';
import type { SettingsFile } from '../../../package/settings-file.ts';
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

export interface ReadKeyFiles {
  readonly keys: SettingsFile;
  readonly pepper: SettingsFile;
}

/** What both files say together. */
export interface LoadedKeys {
  readonly file: KeyFile;
  readonly pepper: Pepper;
}

export function pepperPath({ keysFile, pepperFile }: KeyPaths): string {
  return pepperFile ?? `${keysFile}.pepper`;
}

/** Reads both files. Throws SKY_CONFIG_INVALID. */
export async function readKeyFiles(paths: KeyPaths, limits: KeyFileLimits): Promise<ReadKeyFiles> {
  return {
    keys: await readKeyFile(paths.keysFile, limits.max_auth_file_bytes),
    pepper: await readKeyFile(pepperPath(paths), MAX_PEPPER_FILE_BYTES),
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

/** One of the two. Throws SKY_CONFIG_INVALID when it cannot be read or has more than `maxBytes`. */
export function readKeyFile(path: string, maxBytes: number): Promise<SettingsFile> {
  const hint = 'Make it with `skylift keys create FILE`, and let the user of the server read it.';
  return readSettingsFile(path, maxBytes, hint);
}

function invalid(message: string, options: { hint: string }): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', message, options);
}
