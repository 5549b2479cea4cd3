/** Tells of refused connections once in a while: a flood of connections must not become a flood of lines. */
import type { Clock } from '../../../core/clock.ts';
import type { Log } from '../../../core/log.ts';

const EVERY_MS = 10_000;

export class DropLog {
  readonly #clock: Clock;
  readonly #log: Log;
  #nextMs = 0;

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  dropped(maxConnections: number): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + EVERY_MS;
    const fields = { limit: maxConnections };
    this.#log('warn', 'connections are refused: too many are open (--max_connections)', fields);
  }
}
