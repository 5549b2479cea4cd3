/**
 * Settings in force, read again whenever their files change: also when a Kubernetes secret is swapped below its path. What
 * cannot be read or understood changes nothing: the old ones stay, and it is said once.
 */
import type { Clock } from '../core/clock.ts';
import { toSkyliftError } from '../core/errors.ts';
import type { SkyliftError } from '../core/errors.ts';
import { Repeat } from '../core/repeat.ts';
import type { SettingsFile } from './settings-file.ts';

/** Files as they were at one moment, and what they say. */
export interface ReadSettings<Value> {
  readonly files: readonly SettingsFile[];
  /** Throws SKY_CONFIG_INVALID. */
  readonly parse: () => Value;
}

export interface SettingsWatchOptions<Value> {
  readonly clock: Clock;
  /** Between two looks. */
  readonly pauseMs: number;
  /** Throws SKY_CONFIG_INVALID. */
  readonly read: () => Promise<ReadSettings<Value>>;
  /** Told of all files that were read. */
  readonly onRead: (files: readonly SettingsFile[]) => void;
  /** Told of what comes into force, the first included. */
  readonly onChange: (value: Value) => void;
  /** Told once of a failure that lasts. */
  readonly onFailure: (error: SkyliftError) => void;
}

export class SettingsWatch<Value> {
  readonly #options: SettingsWatchOptions<Value>;
  #value: Value;
  /** As last read, good or not; undefined when it could not be read. */
  #seen: readonly SettingsFile[] | undefined;
  /** What is wrong with what was seen. */
  #failure: SkyliftError | undefined;
  readonly #repeat: Repeat;

  private constructor(options: SettingsWatchOptions<Value>, seen: readonly SettingsFile[], value: Value) {
    this.#options = options;
    this.#seen = seen;
    this.#value = value;
    const { clock, pauseMs, onFailure } = options;
    this.#repeat = new Repeat({ clock, pauseMs, run: () => this.#look(), onFailure });
  }

  /** Reads the files and goes on looking at them. Throws SKY_CONFIG_INVALID. */
  static async open<Value>(options: SettingsWatchOptions<Value>): Promise<SettingsWatch<Value>> {
    const { files, parse } = await options.read();
    const watch = new SettingsWatch(options, files, parse());
    options.onChange(watch.#value);
    options.onRead(files);
    return watch;
  }

  get value(): Value {
    return this.#value;
  }

  close(): void {
    this.#repeat.close();
  }

  /** Takes over what changed. Throws what is wrong with the files, as long as it is. */
  async #look(): Promise<void> {
    const last = this.#seen;
    this.#seen = undefined;
    const { files, parse } = await this.#options.read();
    this.#seen = files;
    this.#options.onRead(files);
    if (last === undefined || !areSame(files, last)) this.#takeOver(parse);
    if (this.#failure) throw this.#failure;
  }

  #takeOver(parse: () => Value): void {
    this.#failure = undefined;
    try {
      this.#value = parse();
      this.#options.onChange(this.#value);
    } catch (error) {
      this.#failure = toSkyliftError(error);
    }
  }
}

function areSame(some: readonly SettingsFile[], others: readonly SettingsFile[]): boolean {
  return some.every(({ bytes }, i) => others[i]?.bytes.equals(bytes) === true);
}
