/** Does something again and again, with a pause between the end of one time and the begin of the next. */
import type { Clock, TimerHandle } from './clock.ts';
import { toSkyliftError } from './errors.ts';
import type { SkyliftError } from './errors.ts';

export interface RepeatOptions {
  readonly clock: Clock;
  /** Also before the first time; 0: never. */
  readonly pauseMs: number;
  readonly run: () => Promise<void>;
  /**
   * Told of a failure that came twice in a row, once: files are seen half written, and between two steps of a swap. Told
   * again when it reads differently, or came back.
   */
  readonly onFailure: (error: SkyliftError) => void;
}

export class Repeat {
  readonly #options: RepeatOptions;
  #timer: TimerHandle | undefined;
  #failure: string | undefined;
  #toldFailure: string | undefined;
  #isClosed = false;

  constructor(options: RepeatOptions) {
    this.#options = options;
    this.#later();
  }

  /** Not begun any more; what runs goes on, but its failure is not told. */
  close(): void {
    this.#isClosed = true;
    if (this.#timer) this.#options.clock.clear(this.#timer);
  }

  #later(): void {
    const { clock, pauseMs } = this.#options;
    if (pauseMs > 0 && !this.#isClosed)
      this.#timer = clock.setTimer(clock.nowMs() + pauseMs, () => void this.#once());
  }

  async #once(): Promise<void> {
    try {
      await this.#options.run();
      this.#failure = undefined;
      this.#toldFailure = undefined;
    } catch (error) {
      this.#failed(toSkyliftError(error));
    }
    this.#later();
  }

  #failed(error: SkyliftError): void {
    const { message } = error;
    const isLasting = message === this.#failure;
    this.#failure = message;
    if (this.#isClosed || !isLasting || message === this.#toldFailure) return;
    this.#toldFailure = message;
    this.#options.onFailure(error);
  }
}
