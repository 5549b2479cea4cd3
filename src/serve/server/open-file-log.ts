/** Tells once of secret files that every user of the machine can get at. */
import type { Log } from '../../core/log.ts';
import type { SettingsFile } from '../../package/settings-file.ts';

const OF_OTHERS = 0o007; // permission bits

export class OpenFileLog {
  readonly #log: Log;
  readonly #what: string;
  readonly #told = new Set<string>();

  /** @param what a file it is: "a file of API keys" */
  constructor(log: Log, what: string) {
    this.#log = log;
    this.#what = what;
  }

  /** Windows has no such bits. */
  look({ path, mode }: SettingsFile): void {
    if (process.platform === 'win32' || (mode & OF_OTHERS) === 0) return;
    const fact = `${path} ${mode.toString(8)}`;
    if (this.#told.has(fact)) return;
    this.#told.add(fact);
    this.#log('warn', `every user of this machine can get at ${this.#what}; chmod 600 it`, {
      file: path,
      mode: mode.toString(8),
    });
  }
}
