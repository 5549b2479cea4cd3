/**
 * The keys in force, read again whenever the files change: also when a Kubernetes secret is swapped below its path. What
 * cannot be read or understood changes nothing: the old keys stay, and it is said once.
 */
import type { Clock, TimerHandle } from '../../../core/clock.ts';
import { toSkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import { parseKeyFiles, readKeyFiles } from './key-files.ts';
import type { KeyPaths, ReadKeyFiles, SecretFile } from './key-files.ts';
import { createKeyRing } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';

export interface KeyWatchOptions {
  readonly paths: KeyPaths;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
}

const OF_OTHERS = 0o007; // permission bits

export class KeyWatch {
  readonly #options: KeyWatchOptions;
  #ring: KeyRing;
  /** As last read, good or not; undefined when it could not be read. */
  #seen: ReadKeyFiles | undefined;
  #failure: string | undefined;
  #toldFailure: string | undefined;
  readonly #toldModes = new Set<string>();
  #timer: TimerHandle | undefined;
  #isClosed = false;

  private constructor(options: KeyWatchOptions, seen: ReadKeyFiles, ring: KeyRing) {
    this.#options = options;
    this.#seen = seen;
    this.#ring = ring;
  }

  /** Reads the keys and goes on looking at their files. Throws SKY_CONFIG_INVALID. */
  static async open(options: KeyWatchOptions): Promise<KeyWatch> {
    const seen = await readKeyFiles(options.paths, options.limits);
    const watch = new KeyWatch(options, seen, ringOf(seen, options.limits));
    watch.#tellInForce();
    watch.#tellModes(seen);
    watch.#schedule();
    return watch;
  }

  get ring(): KeyRing {
    return this.#ring;
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer) this.#options.clock.clear(this.#timer);
  }

  #schedule(): void {
    const { clock, limits } = this.#options;
    if (!this.#isClosed)
      this.#timer = clock.setTimer(clock.nowMs() + limits.auth_poll_ms, () => void this.#poll());
  }

  /** Never rejects. */
  async #poll(): Promise<void> {
    this.#tellFailure(await this.#failureNow());
    this.#schedule();
  }

  /** Takes over what changed; says what is wrong with it. */
  async #failureNow(): Promise<string | undefined> {
    const { paths, limits } = this.#options;
    const last = this.#seen;
    this.#seen = undefined;
    try {
      const seen = await readKeyFiles(paths, limits);
      this.#seen = seen;
      this.#tellModes(seen);
      if (last !== undefined && isSame(seen, last)) return this.#failure;
      this.#ring = ringOf(seen, limits);
      this.#tellInForce();
      return undefined;
    } catch (error) {
      return toSkyliftError(error).message;
    }
  }

  /** A failure is told when it is there twice: a file may be seen half written, or between two steps of a swap. */
  #tellFailure(failure: string | undefined): void {
    const isLasting = failure !== undefined && failure === this.#failure;
    this.#failure = failure;
    if (failure === undefined) this.#toldFailure = undefined;
    if (!isLasting || failure === this.#toldFailure) return;
    this.#toldFailure = failure;
    this.#options.log('error', `the API keys cannot be read, the old ones stay in force: ${failure}`);
  }

  #tellInForce(): void {
    const { log, paths } = this.#options;
    log('info', 'API keys are in force', { file: paths.keysFile, keys: this.#ring.size });
  }

  #tellModes({ keys, pepper }: ReadKeyFiles): void {
    for (const file of [keys, pepper]) if (isOpenToAll(file)) this.#tellMode(file);
  }

  #tellMode({ path, mode }: SecretFile): void {
    const fact = `${path} ${mode.toString(8)}`;
    if (this.#toldModes.has(fact)) return;
    this.#toldModes.add(fact);
    this.#options.log('warn', 'every user of this machine can get at a file of API keys; chmod 600 it', {
      file: path,
      mode: mode.toString(8),
    });
  }
}

function ringOf(read: ReadKeyFiles, limits: Limits): KeyRing {
  const { file, pepper } = parseKeyFiles(read, limits);
  return createKeyRing(file, pepper);
}

function isSame(one: ReadKeyFiles, other: ReadKeyFiles): boolean {
  return one.keys.bytes.equals(other.keys.bytes) && one.pepper.bytes.equals(other.pepper.bytes);
}

/** Windows has no such bits. */
function isOpenToAll({ mode }: SecretFile): boolean {
  return process.platform !== 'win32' && (mode & OF_OTHERS) !== 0;
}
