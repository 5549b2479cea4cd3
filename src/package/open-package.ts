/** Opens a package directory: the manifest is read, and every file that it lists is compared with it. */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { SkyliftError, isSkyliftError } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import { formatBytes } from '../core/units.ts';
import { digestOf, withRegularFile } from './file-copy.ts';
import { diskFiles } from './file-port.ts';
import type { FileFacts, FilePort, OpenFile } from './file-port.ts';
import { MANIFEST_FILE } from './manifest.ts';
import type { PackageFile, PackageHandle, PackageManifest } from './manifest.ts';
import { parseManifest } from './manifest-schema.ts';

/** How much is compared: every byte, or the sizes only (for a package that was hashed when it came in). */
export type Verification = 'digests' | 'sizes';

export interface OpenOptions {
  /** @default digests */
  readonly verify?: Verification;
  readonly signal?: AbortSignal;
}

/** A manifest as it stands in a folder. */
export interface ReadManifest {
  readonly bytes: Uint8Array;
  /** sha256 of the bytes, lower-case hex: the digest of the package. */
  readonly digest: string;
  readonly manifest: PackageManifest;
}

/**
 * The package in `dir`. Files that the manifest does not list are ignored. A folder that others can write may change after
 * this returns: `PackageStore.adopt` makes a copy that does not.
 * Throws SKY_MODEL_NOT_FOUND (no skylift.json), SKY_PACKAGE_INVALID, SKY_PACKAGE_DIGEST_MISMATCH, SKY_STORE_IO, SKY_CANCELLED.
 */
export async function openPackage(
  dir: string,
  options: OpenOptions = {},
  files: FilePort = diskFiles,
): Promise<PackageHandle> {
  const absolute = resolve(dir);
  const { manifest, digest } = await readManifest(files, absolute);
  for (const file of manifest.files) {
    const path = join(absolute, file.path);
    await withListedFile(path, () => checkFile(files, path, file, options));
  }
  return { dir: absolute, digest, manifest };
}

/** Reads skylift.json alone. Throws as `openPackage` does. */
export async function readManifest(files: FilePort, dir: string): Promise<ReadManifest> {
  const path = join(dir, MANIFEST_FILE);
  const bytes = await withRegularFile(files, path, async (file, facts) => {
    requireSingleLink(path, facts);
    return readBounded(file, facts.sizeBytes, path);
  });
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { bytes, digest, manifest: parseManifest(bytes) };
}

/** Throws SKY_PACKAGE_DIGEST_MISMATCH unless `actual` is what the manifest says of `expected`. */
export function requireDigest(
  path: string,
  expected: PackageFile,
  actual: { readonly sizeBytes: number; readonly sha256?: string },
): void {
  if (actual.sizeBytes !== expected.sizeBytes)
    throw mismatch(`${path} has ${actual.sizeBytes} bytes, ${MANIFEST_FILE} says ${expected.sizeBytes}`);
  if (actual.sha256 !== undefined && actual.sha256 !== expected.sha256)
    throw mismatch(`${path} has sha256 ${actual.sha256}, ${MANIFEST_FILE} says ${expected.sha256}`);
}

/** Runs `action` on a file that the manifest lists: its absence is a fault of the package. */
export async function withListedFile<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (!isSkyliftError(error) || error.code !== 'SKY_MODEL_NOT_FOUND') throw error;
    throw new SkyliftError('SKY_PACKAGE_INVALID', `${path} is missing, ${MANIFEST_FILE} lists it`, {
      hint: 'Copy the whole package directory, or import the model again.',
      cause: error,
    });
  }
}

async function checkFile(
  files: FilePort,
  path: string,
  expected: PackageFile,
  { verify = 'digests', signal }: OpenOptions,
): Promise<void> {
  await withRegularFile(files, path, async (file, facts) => {
    requireSingleLink(path, facts);
    requireDigest(path, expected, { sizeBytes: facts.sizeBytes });
    if (verify === 'digests') requireDigest(path, expected, await digestOf(file, signal));
  });
}

/** A second name of the file lies somewhere else, where somebody may write through it. */
function requireSingleLink(path: string, { links }: FileFacts): void {
  if (links === 1) return;
  throw new SkyliftError('SKY_PACKAGE_INVALID', `${path} has ${links} hard links, 1 is allowed`, {
    hint: 'Copy the package to a folder of its own: cp -r --no-preserve=links DIR COPY.',
  });
}

async function readBounded(file: OpenFile, sizeBytes: number, path: string): Promise<Uint8Array> {
  const limit = LIMITS.max_manifest_bytes.default;
  if (sizeBytes > limit)
    throw new SkyliftError(
      'SKY_PACKAGE_INVALID',
      `${path} has ${formatBytes(sizeBytes)}, more than ${formatBytes(limit)} (max_manifest_bytes)`,
    );
  const buffer = new Uint8Array(sizeBytes + 1); // one more shows that the file grew
  let length = 0;
  while (length < buffer.length) {
    const more = await file.read(buffer.subarray(length));
    if (more === 0) break;
    length += more;
  }
  if (length !== sizeBytes) throw mismatch(`${path} changed while it was read`);
  return buffer.subarray(0, length);
}

function mismatch(message: string): SkyliftError {
  return new SkyliftError('SKY_PACKAGE_DIGEST_MISMATCH', message);
}
