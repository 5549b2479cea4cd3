/** Reading and copying files while hashing them, in pieces, with a bound. Copies are bytes, never links. */
import { createHash } from 'node:crypto';
import { SkyliftError } from '../core/errors.ts';
import { formatBytes } from '../core/units.ts';
import { errnoOf, fileFailure, isAbsence, throwIfCancelled } from './file-failure.ts';
import type { FileFacts, FilePort, OpenFile } from './file-port.ts';

const CHUNK_BYTES = 1024 * 1024; // large enough that hashing dominates, small enough to stay in cache

export interface FileDigest {
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface CopyOptions {
  /** Bytes that the file may have. */
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Opens the regular file at `path`, hands it to `use` and closes it.
 * Throws SKY_MODEL_NOT_FOUND, SKY_PACKAGE_INVALID (a link, folder or device), SKY_STORE_IO.
 */
export async function withRegularFile<T>(
  files: FilePort,
  path: string,
  use: (file: OpenFile, facts: FileFacts) => Promise<T>,
): Promise<T> {
  const file = await files.openForReading(path).catch((error: unknown) => {
    throw openFailure(path, error);
  });
  try {
    const facts = await file.facts();
    if (facts.kind !== 'file') throw notRegular(path, facts.kind);
    return await use(file, facts);
  } catch (error) {
    throw fileFailure(`read ${path}`, error);
  } finally {
    await file.close();
  }
}

/** Size and sha256 of what an open file holds from its position on. */
export async function digestOf(file: OpenFile, signal?: AbortSignal): Promise<FileDigest> {
  return pump(file, async () => {}, { maxBytes: Number.MAX_SAFE_INTEGER, signal });
}

/**
 * Copies a regular file to the new file `to`, durably, and returns the digest of the bytes written.
 * Throws as `withRegularFile` does, SKY_PACKAGE_TOO_LARGE, SKY_PACKAGE_DIGEST_MISMATCH (it changed meanwhile), SKY_CANCELLED.
 */
export async function copyFile(
  files: FilePort,
  from: string,
  to: string,
  options: CopyOptions,
): Promise<FileDigest> {
  return withRegularFile(files, from, async (source, { sizeBytes }) => {
    if (sizeBytes > options.maxBytes) throw tooLarge(from, sizeBytes, options.maxBytes);
    const digest = await writeNewFile({ files, path: to }, (target) =>
      pump(source, (chunk) => writeAll(target, chunk), { ...options, maxBytes: sizeBytes }),
    ).catch((error: unknown) => {
      throw fileFailure(`copy ${from} to ${to}`, error);
    });
    if (digest.sizeBytes !== sizeBytes) throw changed(from);
    return digest;
  });
}

/** Creates `path` with `bytes` in it, durably. @param mode default: read-only for everybody */
export async function createFile(
  files: FilePort,
  path: string,
  bytes: Uint8Array,
  mode?: number,
): Promise<void> {
  await writeNewFile({ files, path, mode }, (target) => writeAll(target, bytes));
}

async function writeNewFile<T>(
  {
    files,
    path,
    mode,
  }: { readonly files: FilePort; readonly path: string; readonly mode?: number | undefined },
  write: (target: OpenFile) => Promise<T>,
): Promise<T> {
  const target = await files.create(path, mode);
  try {
    const result = await write(target);
    await target.sync();
    return result;
  } finally {
    await target.close();
  }
}

/** Stops as soon as there are more than `maxBytes`, so that a growing file ends, too; the caller compares the size. */
async function pump(
  source: OpenFile,
  sink: (chunk: Uint8Array) => Promise<void>,
  { maxBytes, signal }: CopyOptions,
): Promise<FileDigest> {
  const hash = createHash('sha256');
  const buffer = new Uint8Array(CHUNK_BYTES);
  let sizeBytes = 0;
  for (;;) {
    throwIfCancelled(signal, 'reading a file');
    const length = await source.read(buffer);
    sizeBytes += length;
    if (length === 0 || sizeBytes > maxBytes) break;
    const chunk = buffer.subarray(0, length);
    hash.update(chunk);
    await sink(chunk);
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

async function writeAll(target: OpenFile, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await target.write(bytes.subarray(offset));
}

function openFailure(path: string, error: unknown): SkyliftError {
  if (isAbsence(error)) return new SkyliftError('SKY_MODEL_NOT_FOUND', `no file ${path}`, { cause: error });
  if (errnoOf(error) === 'ELOOP') return notRegular(path, 'link');
  return fileFailure(`open ${path}`, error);
}

function notRegular(path: string, kind: FileFacts['kind']): SkyliftError {
  const what = { link: 'a symbolic link', directory: 'a folder', other: 'a device or pipe', file: 'a file' };
  return new SkyliftError('SKY_PACKAGE_INVALID', `${path} is ${what[kind]}, not a regular file`, {
    hint: 'Put the file itself there: cp --dereference.',
  });
}

function tooLarge(path: string, sizeBytes: number, maxBytes: number): SkyliftError {
  return new SkyliftError(
    'SKY_PACKAGE_TOO_LARGE',
    `${path} has ${formatBytes(sizeBytes)}, ${formatBytes(maxBytes)} are left of max_artifact_bytes`,
  );
}

function changed(path: string): SkyliftError {
  return new SkyliftError('SKY_PACKAGE_DIGEST_MISMATCH', `${path} changed while it was copied`, {
    hint: 'Wait until whatever writes the file is done, then try again.',
  });
}
