/**
 * The keys in force, read again whenever the files change: also when a Kubernetes secret is swapped below its path. What
 * cannot be read or understood changes nothing: the old keys stay, and it is said once.
 */
import type { Clock } from '../../../core/clock.ts';
import { toSkyliftError } from '../../../core/errors.ts';
import type { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import { Repeat } from '../../../core/repeat.ts';
import type { SettingsFile } from '../../../package/settings-file.ts';
import { parseKeyFiles, readKeyFiles } from './key-files.ts';
import type { KeyPaths, ReadKeyFiles } from './key-files.ts';
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
  /** What is wrong with what was seen. */
  #failure: SkyliftError | undefined;
  readonly #toldModes = new Set<string>();
  readonly #repeat: Repeat;

  private constructor(options: KeyWatchOptions, seen: ReadKeyFiles, ring: KeyRing) {
    this.#options = options;
    this.#seen = seen;
    this.#ring = ring;
    const { clock, limits, log } = options;
    this.#repeat = new Repeat({
      clock,
      pauseMs: limits.auth_poll_ms,
      run: () => this.#look(),
      onFailure: ({ message }) =>
        log('error', `the API keys cannot be read, the old ones stay in force: ${message}`),
    });
  }

  /** Reads the keys and goes on looking at their files. Throws SKY_CONFIG_INVALID. */
  static async open(options: KeyWatchOptions): Promise<KeyWatch> {
    const seen = await readKeyFiles(options.paths, options.limits);
    const watch = new KeyWatch(options, seen, ringOf(seen, options.limits));
    watch.#tellInForce();
    watch.#tellModes(seen);
    return watch;
  }

  get ring(): KeyRing {
    return this.#ring;
  }

  close(): void {
    this.#repeat.close();
  }

  /** Takes over what changed. Throws what is wrong with the files, as long as it is. */
  async #look(): Promise<void> {
    const { paths, limits } = this.#options;
    const last = this.#seen;
    this.#seen = undefined;
    const seen = await readKeyFiles(paths, limits);
    this.#seen = seen;
    this.#tellModes(seen);
    if (last === undefined || !isSame(seen, last)) this.#takeOver(seen);
    if (this.#failure) throw this.#failure;
  }

  #takeOver(seen: ReadKeyFiles): void {
    this.#failure = undefined;
    try {
      this.#ring = ringOf(seen, this.#options.limits);
      this.#tellInForce();
    } catch (error) {
      this.#failure = toSkyliftError(error);
    }
  }

  #tellInForce(): void {
    const { log, paths } = this.#options;
    log('info', 'API keys are in force', { file: paths.keysFile, keys: this.#ring.size });
  }

  #tellModes({ keys, pepper }: ReadKeyFiles): void {
    for (const file of [keys, pepper]) if (isOpenToAll(file)) this.#tellMode(file);
  }

  #tellMode({ path, mode }: SettingsFile): void {
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
function isOpenToAll({ mode }: SettingsFile): boolean {
  return process.platform !== 'win32' && (mode & OF_OTHERS) !== 0;
}
