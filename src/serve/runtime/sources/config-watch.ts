/** Reads a configuration file again and again and hands on what changed. A file that is wrong changes nothing. */
import { open } from 'node:fs/promises';
import type { Clock, TimerHandle } from '../../../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../../../core/errors.ts';

export interface ConfigWatchOptions {
  readonly clock: Clock;
  /** Pause between two looks; 0: none after the first. */
  readonly pollMs: number;
  readonly maxBytes: number;
  /** Takes a changed text over, or throws; a text that was refused is offered again: what it waits for may have come. */
  readonly onChange: (text: string) => Promise<void>;
  /** Called once for every failure that reads differently from the one before. */
  readonly onFailure: (error: SkyliftError) => void;
}

export class ConfigWatch {
  readonly #path: string;
  readonly #options: ConfigWatchOptions;
  #seen: string;
  #lastFailure = '';
  #timer: TimerHandle | undefined;
  #isClosed = false;

  /** @param text what is in force already */
  constructor(path: string, text: string, options: ConfigWatchOptions) {
    this.#path = path;
    this.#seen = text;
    this.#options = options;
    this.#lookLater();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer) this.#options.clock.clear(this.#timer);
  }

  #lookLater(): void {
    const { clock, pollMs } = this.#options;
    if (pollMs > 0 && !this.#isClosed)
      this.#timer = clock.setTimer(clock.nowMs() + pollMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      const text = await readConfigFile(this.#path, this.#options.maxBytes);
      if (text !== this.#seen && !this.#isClosed) await this.#options.onChange(text);
      this.#seen = text;
      this.#lastFailure = '';
    } catch (error) {
      const failure = toSkyliftError(error);
      if (failure.message !== this.#lastFailure) this.#options.onFailure(failure);
      this.#lastFailure = failure.message;
    }
    this.#lookLater();
  }
}

/** A whole text file. Throws SKY_CONFIG_INVALID when it is not there, too large or not UTF-8. */
export async function readConfigFile(path: string, maxBytes: number): Promise<string> {
  const bytes = await readBounded(path, maxBytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new SkyliftError('SKY_CONFIG_INVALID', `${path} is not UTF-8`, { cause });
  }
}

async function readBounded(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r');
    const { size } = await file.stat();
    if (size > maxBytes)
      throw new SkyliftError(
        'SKY_CONFIG_INVALID',
        `${path} has ${size} bytes, more than ${maxBytes} (--max_config_bytes)`,
      );
    const bytes = Buffer.alloc(size);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
    return bytes.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof SkyliftError) throw error;
    throw new SkyliftError('SKY_CONFIG_INVALID', `cannot read ${path}: ${toSkyliftError(error).message}`, {
      hint: 'Check the path and that this user may read the file.',
      cause: error,
    });
  }
}
