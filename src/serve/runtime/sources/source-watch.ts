/** Lists a source again and again. A listing that fails changes nothing: what answers goes on answering. */
import type { Clock, TimerHandle } from '../../../core/clock.ts';
import { toSkyliftError } from '../../../core/errors.ts';
import type { SkyliftError } from '../../../core/errors.ts';
import type { FoundVersion, ModelSource } from './model-source.ts';

export interface WatchOptions {
  readonly clock: Clock;
  /** Pause between two listings; 0: the source is not listed again. */
  readonly pollMs: number;
  readonly onList: (versions: readonly FoundVersion[]) => void;
  /** Called once for every failure that reads differently from the one before. */
  readonly onFailure: (error: SkyliftError) => void;
}

export class SourceWatch {
  readonly #source: ModelSource;
  readonly #options: WatchOptions;
  #timer: TimerHandle | undefined;
  #lastFailure = '';
  #isClosed = false;

  /** The first listing comes after the first pause. */
  constructor(source: ModelSource, options: WatchOptions) {
    this.#source = source;
    this.#options = options;
    this.#listLater();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer) this.#options.clock.clear(this.#timer);
  }

  #listLater(): void {
    const { clock, pollMs } = this.#options;
    if (pollMs > 0 && !this.#isClosed)
      this.#timer = clock.setTimer(clock.nowMs() + pollMs, () => void this.#list());
  }

  async #list(): Promise<void> {
    try {
      const versions = await this.#source.list();
      this.#lastFailure = '';
      if (!this.#isClosed) this.#options.onList(versions);
    } catch (error) {
      const failure = toSkyliftError(error);
      if (!this.#isClosed && failure.message !== this.#lastFailure) this.#options.onFailure(failure);
      this.#lastFailure = failure.message;
    }
    this.#listLater();
  }
}
