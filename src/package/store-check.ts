/** Reading the store with suspicion: one package by digest, and the whole store for `verify`. */
import { join } from 'node:path';
import { SkyliftError, isSkyliftError } from '../core/errors.ts';
import type { FilePort } from './file-port.ts';
import type { PackageHandle } from './manifest.ts';
import { openPackage } from './open-package.ts';
import type { OpenOptions } from './open-package.ts';
import { isDigest, listRecords } from './records.ts';
import { findOrphans } from './staging.ts';
import type { StoreLayout } from './store-dir.ts';

/** One thing that is wrong in a store. */
export interface StoreProblem {
  /** `package`: bytes are not what they were; `ref`, `import`: leads nowhere; `orphan`: left by a crash. */
  readonly kind: 'package' | 'ref' | 'import' | 'orphan';
  /** Digest or name. */
  readonly name: string;
  readonly problem: string;
}

export interface StoreReport {
  readonly packages: number;
  /** Bytes of all files that were hashed. */
  readonly sizeBytes: number;
  /** Empty for a clean store. */
  readonly problems: readonly StoreProblem[];
}

interface CheckOptions {
  /** Runs an action under the store's lock. */
  readonly locked: <T>(action: () => Promise<T>) => Promise<T>;
  readonly signal: AbortSignal | undefined;
}

/**
 * The package with this digest. Throws SKY_MODEL_NOT_FOUND, SKY_PACKAGE_INVALID, SKY_PACKAGE_DIGEST_MISMATCH, SKY_STORE_IO.
 */
export async function openTree(
  files: FilePort,
  layout: StoreLayout,
  digest: string,
  options: OpenOptions,
): Promise<PackageHandle> {
  if (!isDigest(digest)) throw notThere(digest);
  const handle = await openPackage(join(layout.trees, digest), options, files);
  if (handle.digest === digest) return handle;
  throw new SkyliftError(
    'SKY_PACKAGE_DIGEST_MISMATCH',
    `${handle.dir}/skylift.json has sha256 ${handle.digest}`,
    { hint: 'The stored package is damaged: import the model again.' },
  );
}

/** Hashes every package and follows every pointer. Pointers first: what they lead to was there before them. */
export async function checkStore(
  files: FilePort,
  layout: StoreLayout,
  { locked, signal }: CheckOptions,
): Promise<StoreReport> {
  const pointers = [
    ...(await readPointers(files, layout.refs, 'ref')),
    ...(await readPointers(files, layout.imports, 'import')),
  ];
  const digests = await files.list(layout.trees);
  const problems: StoreProblem[] = [];
  let sizeBytes = 0;
  for (const digest of digests) {
    const found = await checkTree(files, layout, digest, signal);
    if (typeof found === 'number') sizeBytes += found;
    else problems.push(found);
  }
  for (const { kind, name, digest } of pointers) {
    if (!digests.includes(digest)) problems.push({ kind, name, problem: `leads to ${digest}` });
  }
  for (const name of await locked(() => findOrphans(files, layout.tmp)))
    problems.push({ kind: 'orphan', name, problem: 'no living process owns it' });
  return { packages: digests.length, sizeBytes, problems };
}

async function checkTree(
  files: FilePort,
  layout: StoreLayout,
  digest: string,
  signal: AbortSignal | undefined,
): Promise<number | StoreProblem> {
  try {
    const { manifest } = await openTree(files, layout, digest, signal === undefined ? {} : { signal });
    return manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
  } catch (error) {
    if (!isSkyliftError(error) || error.code === 'SKY_CANCELLED') throw error;
    return { kind: 'package', name: digest, problem: `${error.code}: ${error.message}` };
  }
}

async function readPointers(files: FilePort, folder: string, kind: 'ref' | 'import') {
  return (await listRecords(files, folder)).map((record) => ({ kind, ...record }));
}

function notThere(digest: string): SkyliftError {
  return new SkyliftError('SKY_MODEL_NOT_FOUND', `the store has no package ${JSON.stringify(digest)}`);
}
