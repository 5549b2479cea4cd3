/**
 * The packed forms of models on this machine: a store of its own beside the packages, bounded in bytes. What is not there, or
 * not sound, is a reason to load the model itself, never an error.
 */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { toSkyliftError } from '../../core/errors.ts';
import type { SkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import { withLock } from '../../package/file-lock.ts';
import { diskFiles } from '../../package/file-port.ts';
import type { FilePort } from '../../package/file-port.ts';
import type { PackageHandle } from '../../package/manifest.ts';
import { PackageStore } from '../../package/store.ts';
import { planEviction } from '../../package/store-eviction.ts';
import type { Packing } from '../port.ts';
import { isWorthPacking, packedKey } from './packed-key.ts';

/** Critical sections of a store are short; an engine that starts does not wait for a process that hangs in one. */
const LOCK_WAIT_MS = 1000;
const FOLDER = 'packed';
const BUILD_LOCK = 'build.lock';

/** Where the packed forms lie that belong to a store of packages. */
export function weightCacheDir(storeDir: string): string {
  return join(storeDir, FOLDER);
}

export interface WeightCacheOptions {
  readonly dir: string;
  readonly packing: Packing;
  readonly limits: Limits;
  readonly log: Log;
  /** @default the disk */
  readonly files?: FilePort;
}

export class WeightCache {
  readonly #options: WeightCacheOptions;
  #store: Promise<PackageStore> | undefined;
  /** Keys whose bytes were hashed since the start. */
  readonly #proven = new Set<string>();
  /** Keys that are left alone until the next start. */
  readonly #refused = new Set<string>();
  /** What the log was told. */
  readonly #told = new Set<string>();

  constructor(options: WeightCacheOptions) {
    this.#options = options;
  }

  /** Folder of the packed form of the package, verified: undefined when there is none that is sound. Never rejects. */
  async find(pkg: PackageHandle): Promise<string | undefined> {
    const key = this.#keyOf(pkg);
    if (key === undefined) return undefined;
    try {
      const store = await this.#open();
      const verify = this.#proven.has(key) ? 'sizes' : 'digests';
      const packed = await store.openImport(key, { verify });
      if (!packed) return undefined;
      this.#proven.add(key);
      await store.touchImport(key).catch(() => {}); // it may leave earlier than it should, no more
      return packed.dir;
    } catch (error) {
      this.#proven.delete(key);
      const failure = toSkyliftError(error);
      if (failure.code !== 'SKY_MODEL_NOT_FOUND') this.#tell(pkg, 'is not used', failure);
      return undefined;
    }
  }

  /**
   * The folder as `find` gives it, made by `write` when there is none. One is made at a time on this machine; whoever comes
   * second waits and uses it, too. Never rejects.
   * @param write leaves the files of the packed form in the folder that it is given
   */
  async build(
    pkg: PackageHandle,
    write: (dir: string) => Promise<void>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const key = this.#keyOf(pkg);
    if (key === undefined) return undefined;
    try {
      const store = await this.#open();
      const make = async (): Promise<string> =>
        (await this.find(pkg)) ?? this.#make({ store, key, pkg, write, signal });
      return await withLock(join(store.dir, BUILD_LOCK), make, {
        waitMs: this.#options.limits.load_limit_ms,
        pause: (durationMs) => sleep(durationMs, undefined, { signal }),
      });
    } catch (error) {
      if (signal.aborted) return undefined;
      this.#refused.add(key);
      this.#tell(pkg, 'could not be made', toSkyliftError(error));
      return undefined;
    }
  }

  /** An engine could not load the packed form: it is forgotten, and not made again before the next start. Never rejects. */
  async refuse(pkg: PackageHandle, reason: SkyliftError): Promise<void> {
    const key = this.#keyOf(pkg);
    if (key === undefined) return;
    this.#refused.add(key);
    this.#tell(pkg, 'is not used', reason);
    await this.#forget(key).catch(() => {}); // the next start tries it once more
  }

  async #forget(key: string): Promise<void> {
    const store = await this.#open();
    const packed = await store.findImport(key, { verify: 'sizes' });
    if (packed) await store.evict([packed.digest]);
  }

  async #make({ store, key, pkg, write, signal }: MakeOptions): Promise<string> {
    const { limits, log } = this.#options;
    const { digest, dir } = await store.make(async (staging) => {
      await write(staging);
      return this.#describe(pkg, staging);
    }, signal);
    await store.recordImport(key, digest);
    this.#proven.add(key); // it was hashed when it was sealed
    const trees = await store.weigh();
    await store.evict(planEviction(trees, limits.weight_cache_bytes, digest));
    const bytes = trees.find((tree) => tree.digest === digest)?.sizeBytes ?? 0;
    log('info', 'weights are packed: engines of this machine share them', {
      package: pkg.digest,
      dir,
      bytes,
    });
    return dir;
  }

  /** Its own package: what it answers is what the original says. */
  async #describe({ manifest, ...pkg }: PackageHandle, staging: string) {
    const { packing, files: port = diskFiles } = this.#options;
    const written = new Set(await port.list(staging));
    const files = packing.files({ ...pkg, manifest }).filter(({ path }) => written.has(path));
    return { ...manifest, labels: {}, lineage: [], files };
  }

  #keyOf(pkg: PackageHandle): string | undefined {
    const { packing, limits } = this.#options;
    if (!isWorthPacking(pkg, limits)) return undefined;
    const key = packedKey(pkg, packing.traits);
    return this.#refused.has(key) ? undefined : key;
  }

  /** Late: who serves small models only has no such folder. */
  #open(): Promise<PackageStore> {
    const { dir, files = diskFiles, limits } = this.#options;
    this.#store ??= PackageStore.open(dir, files, {
      limits: { max_artifact_bytes: limits.weight_cache_bytes, store_lock_wait_ms: LOCK_WAIT_MS },
    });
    return this.#store;
  }

  #tell({ digest }: PackageHandle, what: string, { code, message }: SkyliftError): void {
    const text = `the packed form of a model ${what}: its engines do not share weights`;
    if (this.#told.has(`${digest} ${text}`)) return;
    this.#told.add(`${digest} ${text}`);
    this.#options.log('warn', text, { package: digest, code, reason: message });
  }
}

interface MakeOptions {
  readonly store: PackageStore;
  readonly key: string;
  readonly pkg: PackageHandle;
  readonly write: (dir: string) => Promise<void>;
  readonly signal: AbortSignal;
}
