/** A clock that tests drive: events in order of time, the end of a turn after each. No real time passes. */
import type { Clock, TimerHandle } from '../../src/core/clock.ts';

interface Scheduled extends TimerHandle {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
  isCancelled: boolean;
}

const WALL_START_MS = Date.UTC(2026, 0, 1);

export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  /** Kept sorted, latest first, so that the next event is a pop. */
  readonly #events: Scheduled[] = [];
  #turn: (() => void)[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return WALL_START_MS + this.#nowMs;
  }

  setTimer(atMs: number, fn: () => void): TimerHandle {
    const event: Scheduled = {
      kind: 'timer',
      atMs: Math.max(atMs, this.#nowMs),
      order: this.#order++,
      fn,
      isCancelled: false,
    };
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const other = this.#events[middle];
      if (other && other.atMs > event.atMs) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
    return event;
  }

  clear(timer: TimerHandle): void {
    const event = timer as Scheduled;
    event.isCancelled = true;
  }

  endOfTurn(fn: () => void): void {
    this.#turn.push(fn);
  }

  /** Runs everything until nothing is left. Returns the number of events; throws after `maxEvents`, which is a livelock. */
  run(maxEvents: number): number {
    let count = 0;
    this.#finishTurn();
    for (let event = this.#next(); event; event = this.#next()) {
      this.#begin(event, ++count, maxEvents);
      this.#finishTurn();
    }
    return count;
  }

  /** As `run`, for code under test that awaits: promises settle before the next event. */
  async runAsync(maxEvents: number): Promise<number> {
    let count = 0;
    await this.#settle();
    for (let event = this.#next(); event; event = this.#next()) {
      this.#begin(event, ++count, maxEvents);
      await this.#settle();
    }
    return count;
  }

  #next(): Scheduled | undefined {
    let event = this.#events.pop();
    while (event?.isCancelled === true) event = this.#events.pop();
    return event;
  }

  #begin(event: Scheduled, count: number, maxEvents: number): void {
    if (count > maxEvents) throw new Error(`livelock: more than ${maxEvents} events, at ${this.#nowMs} ms`);
    this.#nowMs = event.atMs;
    event.fn();
  }

  async #settle(): Promise<void> {
    do {
      this.#finishTurn();
      await new Promise(setImmediate);
    } while (this.#turn.length > 0);
  }

  #finishTurn(): void {
    while (this.#turn.length > 0) {
      const turn = this.#turn;
      this.#turn = [];
      for (const fn of turn) fn();
    }
  }
}
