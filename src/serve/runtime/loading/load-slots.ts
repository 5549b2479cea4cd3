/** Loads that run side by side; the others wait their turn. Each load measures its engines, which others would disturb. */
import { SkyliftError } from '../../../core/errors.ts';

export class LoadSlots {
  #free: number;
  #isClosed = false;
  readonly #waiting: (() => void)[] = [];

  /** @param count at least 1 */
  constructor(count: number) {
    this.#free = count;
  }

  /** Runs the task when there is a slot. Throws what it throws, SKY_DRAINING after `close`. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#free--;
    try {
      if (this.#isClosed) throw new SkyliftError('SKY_DRAINING', 'the models are being closed');
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  /** Tasks that wait, or come later, are refused. */
  close(): void {
    this.#isClosed = true;
  }
}
