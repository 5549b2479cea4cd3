/** Loads that run side by side; the others wait their turn. Each load measures its engines, which others would disturb. */
import type { Clock } from '../../../core/clock.ts';
import { SkyliftError } from '../../../core/errors.ts';

/** A load that takes longer lets the next one begin: one that hangs must not hold up all models. */
const PATIENCE_MS = 10_000;

export class LoadSlots {
  readonly #clock: Clock;
  #free: number;
  #isClosed = false;
  readonly #waiting: (() => void)[] = [];

  /** @param count at least 1 */
  constructor(count: number, clock: Clock) {
    this.#free = count;
    this.#clock = clock;
  }

  /** Runs the task when there is a slot. Throws what it throws, SKY_DRAINING after `close`. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    let isHeld = true;
    const leave = (): void => {
      if (isHeld) this.#giveOn();
      isHeld = false;
    };
    const timer = this.#clock.setTimer(this.#clock.nowMs() + PATIENCE_MS, leave);
    try {
      if (this.#isClosed) throw new SkyliftError('SKY_DRAINING', 'the models are being closed');
      return await task();
    } finally {
      this.#clock.clear(timer);
      leave();
    }
  }

  /** Tasks that wait, or come later, are refused. */
  close(): void {
    this.#isClosed = true;
  }

  #giveOn(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
