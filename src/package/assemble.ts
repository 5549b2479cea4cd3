/** Fills an empty staging folder with a whole package, skylift.json last: without it the folder is no package. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { SkyliftError } from '../core/errors.ts';
import type { DescribePackage, DraftFile, MadePackage } from './draft.ts';
import { copyFile, createFile, digestOf, withRegularFile } from './file-copy.ts';
import type { FileDigest } from './file-copy.ts';
import { throwIfCancelled } from './file-failure.ts';
import type { FilePort } from './file-port.ts';
import { MANIFEST_FILE } from './manifest.ts';
import type { PackageFile, PackageHandle } from './manifest.ts';
import { PLAIN_FILE_NAME, formatManifest, parseManifest } from './manifest-schema.ts';
import { readManifest, requireDigest, withListedFile } from './open-package.ts';

/** Where a package is put together. */
export interface Workbench {
  readonly files: FilePort;
  /** An empty folder that nobody else uses. */
  readonly stagingDir: string;
  /** Bytes that all files may have together. */
  readonly maxBytes: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Copies the files of a draft, has the copies described and writes the manifest. The handle's `dir` is the staging folder.
 * Throws SKY_PACKAGE_INVALID, SKY_PACKAGE_TOO_LARGE, SKY_MODEL_NOT_FOUND, SKY_STORE_IO and what `describe` throws.
 */
export async function assemblePackage(
  bench: Workbench,
  drafts: readonly DraftFile[],
  describe: DescribePackage,
): Promise<PackageHandle> {
  requirePlainNames(drafts);
  const copies = await copyDrafts(bench, drafts);
  throwIfCancelled(bench.signal, 'describing a package');
  const description = await describe(bench.stagingDir, copies);
  throwIfCancelled(bench.signal, 'writing a package');
  const text = formatManifest({ schema: 1, ...description, files: copies });
  return seal(bench, new TextEncoder().encode(text));
}

/**
 * Has `make` write the files of a package into the staging folder, makes them durable and writes the manifest.
 * Throws as `assemblePackage` does and what `make` throws.
 */
export async function sealMade(
  bench: Workbench,
  make: (stagingDir: string) => Promise<MadePackage>,
): Promise<PackageHandle> {
  const { files: made, ...description } = await make(bench.stagingDir);
  requirePlainNames(made);
  const files: PackageFile[] = [];
  let leftBytes = bench.maxBytes;
  for (const { path, role } of made) {
    throwIfCancelled(bench.signal, 'sealing a package');
    const digest = await digestMade(bench, join(bench.stagingDir, path), leftBytes);
    leftBytes -= digest.sizeBytes;
    files.push({ path, ...digest, role });
  }
  return seal(bench, new TextEncoder().encode(formatManifest({ schema: 1, ...description, files })));
}

/**
 * Copies the package in `from`, each file checked against the manifest while it is copied.
 * Throws as `openPackage` does, SKY_PACKAGE_TOO_LARGE.
 */
export async function copyPackage(bench: Workbench, from: string): Promise<PackageHandle> {
  const { bytes, manifest } = await readManifest(bench.files, from);
  let leftBytes = bench.maxBytes;
  for (const file of manifest.files) {
    const path = join(from, file.path);
    const copy = await withListedFile(path, () =>
      copyInto(bench, { from: path, path: file.path }, leftBytes),
    );
    requireDigest(path, file, copy);
    leftBytes -= copy.sizeBytes;
  }
  return seal(bench, bytes);
}

async function copyDrafts(bench: Workbench, drafts: readonly DraftFile[]): Promise<PackageFile[]> {
  const copies: PackageFile[] = [];
  let leftBytes = bench.maxBytes;
  for (const draft of drafts) {
    const copy = await copyInto(bench, draft, leftBytes);
    leftBytes -= copy.sizeBytes;
    copies.push({ path: draft.path, ...copy, role: draft.role });
  }
  return copies;
}

function copyInto(
  { files, stagingDir, signal }: Workbench,
  { from, path }: Pick<DraftFile, 'from' | 'path'>,
  maxBytes: number,
): Promise<FileDigest> {
  return copyFile(files, from, join(stagingDir, path), { maxBytes, signal });
}

async function digestMade({ files, signal }: Workbench, path: string, maxBytes: number): Promise<FileDigest> {
  await files.syncFile(path);
  const digest = await withRegularFile(files, path, (file) => digestOf(file, signal));
  if (digest.sizeBytes <= maxBytes) return digest;
  throw new SkyliftError(
    'SKY_PACKAGE_TOO_LARGE',
    `${path} has more than the ${maxBytes} bytes that are left`,
  );
}

async function seal(bench: Workbench, bytes: Uint8Array): Promise<PackageHandle> {
  const manifest = parseManifest(bytes);
  await createFile(bench.files, join(bench.stagingDir, MANIFEST_FILE), bytes);
  await bench.files.syncFolder(bench.stagingDir);
  return { dir: bench.stagingDir, digest: createHash('sha256').update(bytes).digest('hex'), manifest };
}

/** Before any name is joined to a path; the manifest's own check comes too late for that. */
function requirePlainNames(drafts: readonly Pick<DraftFile, 'path'>[]): void {
  const seen = new Set<string>([MANIFEST_FILE]);
  for (const { path } of drafts) {
    const folded = path.toLowerCase();
    if (!PLAIN_FILE_NAME.test(path) || seen.has(folded))
      throw new SkyliftError(
        'SKY_PACKAGE_INVALID',
        `${JSON.stringify(path)} cannot name a file of this package: not a plain name, or taken`,
        { hint: 'Rename the file: letters, digits, ".", "_" and "-", at most 128, each name once.' },
      );
    seen.add(folded);
  }
}
