/** The keys in force, which follow their files. */
import type { Clock } from '../../../core/clock.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import { SettingsWatch } from '../../../package/settings-watch.ts';
import type { ReadSettings } from '../../../package/settings-watch.ts';
import { OpenFileLog } from '../open-file-log.ts';
import { parseKeyFiles, readKeyFiles } from './key-files.ts';
import type { KeyPaths } from './key-files.ts';
import { createKeyRing } from './key-ring.ts';
import type { KeyRing } from './key-ring.ts';

export interface KeyWatchOptions {
  readonly paths: KeyPaths;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
}

export class KeyWatch {
  readonly #watch: SettingsWatch<KeyRing>;

  private constructor(watch: SettingsWatch<KeyRing>) {
    this.#watch = watch;
  }

  /** Reads the keys and goes on looking at their files. Throws SKY_CONFIG_INVALID. */
  static async open({ paths, limits, clock, log }: KeyWatchOptions): Promise<KeyWatch> {
    const openFiles = new OpenFileLog(log, 'a file of API keys');
    const watch = await SettingsWatch.open({
      clock,
      pauseMs: limits.auth_poll_ms,
      read: () => readRing(paths, limits),
      onRead: (files) => files.forEach((file) => openFiles.look(file)),
      onChange: ({ size }) => log('info', 'API keys are in force', { file: paths.keysFile, keys: size }),
      onFailure: ({ message }) =>
        log('error', `the API keys cannot be read, the old ones stay in force: ${message}`),
    });
    return new KeyWatch(watch);
  }

  get ring(): KeyRing {
    return this.#watch.value;
  }

  close(): void {
    this.#watch.close();
  }
}

async function readRing(paths: KeyPaths, limits: Limits): Promise<ReadSettings<KeyRing>> {
  const read = await readKeyFiles(paths, limits);
  const parse = (): KeyRing => {
    const { file, pepper } = parseKeyFiles(read, limits);
    return createKeyRing(file, pepper);
  };
  return { files: [read.keys, read.pepper], parse };
}
