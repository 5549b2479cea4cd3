/**
 * tmp/ of the store: each writer has a folder with a lease, a lock that the kernel ends with the writer. Whatever has no
 * living lease was left by a crash or a failing disk, and the next who opens the store removes it.
 */
import { join } from 'node:path';
import { SkyliftError } from '../core/errors.ts';
import { fileFailure } from './file-failure.ts';
import { tryLock } from './file-lock.ts';
import type { FilePort } from './file-port.ts';

const LEASE_SUFFIX = '.lease';

/** A writer's folder. */
export interface Staging {
  readonly dir: string;
  /** Removes what is left of the folder. Call with the store's lock held: whoever looks for orphans must not see it go. */
  remove(): Promise<void>;
  /** Gives the lease back: what is left is an orphan from now on. */
  release(): void;
}

/** Makes a folder with a lease in `tmpDir`. Call with the store's lock held. Throws SKY_STORE_IO. */
export async function openStaging(files: FilePort, tmpDir: string): Promise<Staging> {
  const dir = await files.makeUniqueFolder(join(tmpDir, 'staging-'));
  const leasePath = dir + LEASE_SUFFIX;
  const lease = tryLock(leasePath);
  if (!lease) throw new SkyliftError('SKY_INTERNAL', `the new lease ${leasePath} is already held`);
  const remove = async () => {
    await files.remove(dir);
    await files.remove(leasePath);
  };
  return { dir, remove, release: () => lease.release() };
}

/** Names in `tmpDir` that no living process owns. Call with the store's lock held. */
export async function findOrphans(files: FilePort, tmpDir: string): Promise<readonly string[]> {
  const names = await files.list(tmpDir);
  const living = new Set(
    names.filter((name) => name.endsWith(LEASE_SUFFIX) && isHeld(join(tmpDir, name))).flatMap(ownedNames),
  );
  return names.filter((name) => !living.has(name));
}

/** Removes the orphans of `tmpDir`. Call with the store's lock held. Throws SKY_STORE_IO. */
export async function collectOrphans(files: FilePort, tmpDir: string): Promise<void> {
  for (const name of await findOrphans(files, tmpDir)) {
    const path = join(tmpDir, name);
    await files.remove(path).catch((error: unknown) => {
      throw fileFailure(`remove ${path}`, error);
    });
  }
}

function ownedNames(leaseName: string): readonly string[] {
  return [leaseName, leaseName.slice(0, -LEASE_SUFFIX.length)];
}

function isHeld(leasePath: string): boolean {
  const lease = tryLock(leasePath);
  lease?.release();
  return lease === undefined;
}
