/**
 * Replies of one event-loop turn, written together at its end. Answering inside each request's callback interleaves
 * reads and writes and wakes the client for every reply; a burst costs about half.
 */
import type { Clock } from '../../../core/clock.ts';

interface Flushable {
  flush(): void;
}

export class Outbox {
  readonly #clock: Clock;
  readonly #flushAll = (): void => this.flush();
  #waiting: Flushable[] = [];
  #isArmed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(reply: Flushable): void {
    this.#waiting.push(reply);
    if (this.#isArmed) return;
    this.#isArmed = true;
    this.#clock.endOfTurn(this.#flushAll);
  }

  /** Writes what waits, in the order of the answers. */
  flush(): void {
    this.#isArmed = false;
    const replies = this.#waiting;
    this.#waiting = [];
    for (const reply of replies) reply.flush();
  }
}
