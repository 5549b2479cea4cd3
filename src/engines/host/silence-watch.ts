/** Notices an idle engine that gives no sign of life. */
import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { Limits } from '../../core/limits.ts';

export interface SilenceWatchOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'heartbeat_ms' | 'heartbeat_missed_ms'>;
  /** Silence is legal while the engine works. */
  readonly isBusy: () => boolean;
  readonly onSilence: (silentMs: number) => void;
}

/** Counts ticks instead of reading the time: a front that was itself held up must not blame its engines. */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #silentTicks = 0;
  #timer: TimerHandle;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
    this.#timer = this.#schedule();
  }

  /** The engine said something. */
  heard(): void {
    this.#silentTicks = 0;
  }

  stop(): void {
    this.#options.clock.clear(this.#timer);
  }

  #schedule(): TimerHandle {
    const { clock, limits } = this.#options;
    return clock.setTimer(clock.nowMs() + limits.heartbeat_ms, () => this.#tick());
  }

  #tick(): void {
    const { limits, isBusy, onSilence } = this.#options;
    this.#timer = this.#schedule();
    this.#silentTicks = isBusy() ? 0 : this.#silentTicks + 1;
    const silentMs = this.#silentTicks * limits.heartbeat_ms;
    if (silentMs >= limits.heartbeat_missed_ms) onSilence(silentMs);
  }
}
