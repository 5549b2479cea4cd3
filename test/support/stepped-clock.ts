/** A clock for what looks again and again: time goes on when the test says so; each timer is one look. */
import type { Clock, TimerHandle } from '../../src/core/clock.ts';

export class SteppedClock implements Clock {
  #next = Promise.withResolvers<void>();
  #look: (() => void) | undefined;
  readonly pausesMs: number[] = [];
  /** Since the epoch. */
  readonly atMs: number;
  /** Passed since the start. */
  passedMs = 0;

  constructor(atMs: number) {
    this.atMs = atMs;
  }

  nowMs = (): number => this.passedMs;
  wallMs = (): number => this.atMs + this.passedMs;
  endOfTurn = (fn: () => void): void => fn();
  setTimer(atMs: number, fn: () => void): TimerHandle {
    this.pausesMs.push(atMs - this.passedMs);
    this.#look = fn;
    this.#next.resolve();
    return { kind: 'timer' };
  }
  clear(): void {
    this.#look = undefined;
  }
  get isWaiting(): boolean {
    return this.#look !== undefined;
  }

  /** Resolves when the files have been looked at once more. */
  async look(): Promise<void> {
    this.#next = Promise.withResolvers();
    this.#look?.();
    await this.#next.promise;
  }
}
