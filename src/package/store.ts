/**
 * The local store: packages addressed by the digest of their skylift.json, immutable once there. A package appears whole,
 * by one rename, or not at all; a writer that dies leaves nothing that a reader sees. The store owns its bytes.
 */
import { join, resolve } from 'node:path';
import { SkyliftError, isSkyliftError } from '../core/errors.ts';
import { resolveLimits } from '../core/limits.ts';
import type { Limits } from '../core/limits.ts';
import { assemblePackage, copyPackage, sealMade } from './assemble.ts';
import type { Workbench } from './assemble.ts';
import type { DescribePackage, DraftFile, MadePackage } from './draft.ts';
import { fileFailure, isAbsence } from './file-failure.ts';
import { withLock } from './file-lock.ts';
import type { Pause } from './file-lock.ts';
import { diskFiles } from './file-port.ts';
import type { FilePort } from './file-port.ts';
import type { PackageHandle } from './manifest.ts';
import { readManifest } from './open-package.ts';
import type { OpenOptions } from './open-package.ts';
import { isDigest, readRecord, requireDigestText, writeRecord } from './records.ts';
import { isStoreName } from './reference.ts';
import { collectOrphans, openStaging } from './staging.ts';
import type { Staging } from './staging.ts';
import { checkStore, openTree } from './store-check.ts';
import type { StoreReport } from './store-check.ts';
import { removeImports, weighTrees } from './store-eviction.ts';
import type { StoredTree } from './store-eviction.ts';
import { prepareStoreDir } from './store-dir.ts';
import type { StoreLayout } from './store-dir.ts';

export { defaultStoreDir } from './store-dir.ts';

export interface StoreOptions {
  /** `max_artifact_bytes` and `store_lock_wait_ms` count here. */
  readonly limits?: Partial<Limits>;
  /** Waits between two looks at the lock. @default a timer */
  readonly pause?: Pause;
}

/** A package in the store and the names that lead to it. */
export interface StoredPackage {
  readonly digest: string;
  readonly names: readonly string[];
}

/** One store in one directory; any number of processes may have it open. */
export class PackageStore {
  /** Absolute path. */
  readonly dir: string;
  readonly #files: FilePort;
  readonly #layout: StoreLayout;
  readonly #limits: Limits;
  readonly #pause: Pause | undefined;

  private constructor(dir: string, layout: StoreLayout, files: FilePort, options: StoreOptions) {
    this.dir = dir;
    this.#layout = layout;
    this.#files = files;
    this.#limits = resolveLimits(options.limits);
    this.#pause = options.pause;
  }

  /**
   * Opens the store in `dir`, creates it when there is none, and removes what crashed writers left.
   * Throws SKY_STORE_IO, SKY_STORE_LOCKED, SKY_STORE_UNSAFE.
   */
  static async open(
    dir: string,
    files: FilePort = diskFiles,
    options: StoreOptions = {},
  ): Promise<PackageStore> {
    const absolute = resolve(dir);
    return coded(`open the store ${absolute}`, async () => {
      const layout = await prepareStoreDir(files, absolute);
      const store = new PackageStore(absolute, layout, files, options);
      await store.#locked(() => collectOrphans(files, layout.tmp));
      return store;
    });
  }

  /**
   * Makes a package of copies of `drafts`; `describe` sees the copies. A package with the same content is reused, and
   * replaced when it is damaged.
   * Throws SKY_STORE_IO, SKY_STORE_LOCKED, SKY_PACKAGE_INVALID, SKY_PACKAGE_TOO_LARGE, SKY_CANCELLED and what `describe` throws.
   */
  async publish(
    drafts: readonly DraftFile[],
    describe: DescribePackage,
    signal?: AbortSignal,
  ): Promise<PackageHandle> {
    return coded(`publish a package in ${this.dir}`, () =>
      this.#staged((bench) => assemblePackage(bench, drafts, describe), signal),
    );
  }

  /**
   * Makes a package of files that `make` writes into the folder that it is given; otherwise as `publish`.
   * Throws SKY_STORE_IO, SKY_STORE_LOCKED, SKY_PACKAGE_INVALID, SKY_PACKAGE_TOO_LARGE, SKY_CANCELLED and what `make` throws.
   */
  async make(
    make: (stagingDir: string) => Promise<MadePackage>,
    signal?: AbortSignal,
  ): Promise<PackageHandle> {
    return coded(`make a package in ${this.dir}`, () =>
      this.#staged((bench) => sealMade(bench, make), signal),
    );
  }

  /**
   * The store's own copy of the package in `dir`, verified while it is copied; nothing is copied when it is there already.
   * Throws as `openPackage` and `publish` do.
   */
  async adopt(dir: string, signal?: AbortSignal): Promise<PackageHandle> {
    const from = resolve(dir);
    return coded(`adopt ${from} in ${this.dir}`, async () => {
      const { digest } = await readManifest(this.#files, from);
      const own = await this.#find(digest, signal === undefined ? {} : { signal });
      return own ?? this.#staged((bench) => copyPackage(bench, from), signal);
    });
  }

  /** The package made earlier of the bytes with this sha256; undefined when there is none, or it is damaged. */
  async findImport(sourceDigest: string, options: OpenOptions = {}): Promise<PackageHandle | undefined> {
    return orNone(this.openImport(sourceDigest, options));
  }

  /**
   * As `findImport`, with a word about what is damaged.
   * Throws SKY_MODEL_NOT_FOUND (it is gone), SKY_PACKAGE_INVALID, SKY_PACKAGE_DIGEST_MISMATCH, SKY_STORE_IO.
   */
  async openImport(sourceDigest: string, options: OpenOptions = {}): Promise<PackageHandle | undefined> {
    requireDigestText(sourceDigest);
    return coded(`read the store ${this.dir}`, async () => {
      const digest = await readRecord(this.#files, join(this.#layout.imports, sourceDigest));
      return digest === undefined ? undefined : openTree(this.#files, this.#layout, digest, options);
    });
  }

  /** Tells `evict` that the package made of the bytes with this sha256 was needed now. Throws SKY_STORE_IO. */
  async touchImport(sourceDigest: string): Promise<void> {
    requireDigestText(sourceDigest);
    const path = join(this.#layout.imports, sourceDigest);
    await coded(`touch ${path}`, () => this.#files.touch(path));
  }

  /** The packages that no name leads to, with their sizes and when an import needed them last. Throws SKY_STORE_IO. */
  async weigh(): Promise<readonly StoredTree[]> {
    return coded(`read the store ${this.dir}`, () => weighTrees(this.#files, this.#layout));
  }

  /** Removes packages and the memory of their imports. Unknown digests are ignored. Throws SKY_STORE_IO, SKY_STORE_LOCKED. */
  async evict(digests: readonly string[]): Promise<void> {
    digests.forEach(requireDigestText);
    await coded(`remove packages of ${this.dir}`, () =>
      this.#locked(async () => {
        await removeImports(this.#files, this.#layout, new Set(digests));
        for (const digest of digests) {
          const tree = join(this.#layout.trees, digest);
          if (await this.#exists(tree))
            await this.#files.rename(tree, join(this.#layout.tmp, `evicted-${digest}`));
        }
        await collectOrphans(this.#files, this.#layout.tmp);
      }),
    );
  }

  /** Remembers which package was made of the bytes with this sha256. Throws SKY_MODEL_NOT_FOUND, SKY_STORE_*. */
  async recordImport(sourceDigest: string, packageDigest: string): Promise<void> {
    requireDigestText(sourceDigest);
    await this.#point(this.#layout.imports, sourceDigest, packageDigest);
  }

  /** Lets `name` lead to a package of the store from now on. Throws SKY_REF_INVALID, SKY_MODEL_NOT_FOUND, SKY_STORE_*. */
  async setRef(name: string, digest: string): Promise<void> {
    requireName(name);
    await this.#point(this.#layout.refs, name, digest);
  }

  /** The package that `name` leads to. Throws SKY_REF_INVALID, SKY_MODEL_NOT_FOUND, SKY_PACKAGE_*, SKY_STORE_IO. */
  async resolve(name: string, options: OpenOptions = {}): Promise<PackageHandle> {
    requireName(name);
    return coded(`read the store ${this.dir}`, async () => {
      const digest = await readRecord(this.#files, join(this.#layout.refs, name));
      if (digest === undefined)
        throw new SkyliftError('SKY_MODEL_NOT_FOUND', `no model "${name}" in the store ${this.dir}`, {
          hint: `Write ./${name} if you mean a file or folder.`,
        });
      return openTree(this.#files, this.#layout, digest, options);
    });
  }

  /** All packages, by digest. Throws SKY_STORE_IO. */
  async list(): Promise<readonly StoredPackage[]> {
    return coded(`read the store ${this.dir}`, async () => {
      const namesOf = new Map<string, string[]>();
      const digests = (await this.#files.list(this.#layout.trees)).filter(isDigest);
      for (const digest of digests.sort()) namesOf.set(digest, []);
      for (const name of (await this.#files.list(this.#layout.refs)).toSorted()) {
        const digest = await readRecord(this.#files, join(this.#layout.refs, name));
        namesOf.get(digest ?? '')?.push(name);
      }
      return [...namesOf].map(([digest, names]) => ({ digest, names }));
    });
  }

  /** Hashes everything again and follows every pointer. Finds, mends nothing. Throws SKY_STORE_IO, SKY_STORE_LOCKED. */
  async verify(signal?: AbortSignal): Promise<StoreReport> {
    return coded(`verify the store ${this.dir}`, () =>
      checkStore(this.#files, this.#layout, { locked: (action) => this.#locked(action), signal }),
    );
  }

  async #staged(
    fill: (bench: Workbench) => Promise<PackageHandle>,
    signal: AbortSignal | undefined,
  ): Promise<PackageHandle> {
    const staging = await this.#locked(() => openStaging(this.#files, this.#layout.tmp));
    try {
      const bench = {
        files: this.#files,
        stagingDir: staging.dir,
        maxBytes: this.#limits.max_artifact_bytes,
        signal,
      };
      return await this.#commit(staging, await fill(bench));
    } finally {
      await this.#discard(staging);
    }
  }

  /** A failure here is no failure of the caller: what stays becomes an orphan, and the next opener removes it. */
  async #discard(staging: Staging): Promise<void> {
    await this.#locked(() => staging.remove()).catch(() => {});
    staging.release();
  }

  /** The long check of what is there already runs before the lock; whoever published meanwhile published the same bytes. */
  async #commit(staging: Staging, { digest }: PackageHandle): Promise<PackageHandle> {
    const target = join(this.#layout.trees, digest);
    const isDamaged = (await this.#exists(target)) && !(await this.#find(digest));
    await this.#locked(async () => {
      if (isDamaged) await this.#files.rename(target, `${staging.dir}.damaged`);
      if (!(await this.#exists(target))) await this.#files.rename(staging.dir, target);
      await this.#files.syncFolder(this.#layout.trees);
      if (isDamaged) await collectOrphans(this.#files, this.#layout.tmp);
    });
    return openTree(this.#files, this.#layout, digest, { verify: 'sizes' });
  }

  /** A sound package of the store; a damaged one is as good as none, because it will be made again. */
  #find(digest: string, options: OpenOptions = {}): Promise<PackageHandle | undefined> {
    return orNone(openTree(this.#files, this.#layout, digest, options));
  }

  async #point(folder: string, name: string, digest: string): Promise<void> {
    requireDigestText(digest);
    await coded(`write ${join(folder, name)}`, async () => {
      await openTree(this.#files, this.#layout, digest, { verify: 'sizes' });
      await this.#locked(() => writeRecord(this.#files, this.#layout.tmp, { folder, name, digest }));
    });
  }

  async #exists(path: string): Promise<boolean> {
    try {
      await this.#files.linkFacts(path);
      return true;
    } catch (error) {
      if (isAbsence(error)) return false;
      throw error;
    }
  }

  #locked<T>(action: () => Promise<T>): Promise<T> {
    return withLock(this.#layout.lock, action, {
      waitMs: this.#limits.store_lock_wait_ms,
      ...(this.#pause === undefined ? {} : { pause: this.#pause }),
    });
  }
}

/** What a package that is gone or damaged is refused with. */
const REPAIRABLE: ReadonlySet<string> = new Set([
  'SKY_MODEL_NOT_FOUND',
  'SKY_PACKAGE_INVALID',
  'SKY_PACKAGE_DIGEST_MISMATCH',
]);

async function orNone(opened: Promise<PackageHandle | undefined>): Promise<PackageHandle | undefined> {
  try {
    return await opened;
  } catch (error) {
    if (isSkyliftError(error) && REPAIRABLE.has(error.code)) return undefined;
    throw error;
  }
}

function requireName(name: string): void {
  if (isStoreName(name)) return;
  throw new SkyliftError('SKY_REF_INVALID', `${JSON.stringify(name)} cannot be the name of a model`, {
    hint: 'Use a-z, 0-9, ".", "_" and "-", at most 128, not ending like a model file.',
  });
}

async function coded<T>(doing: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw fileFailure(doing, error);
  }
}
