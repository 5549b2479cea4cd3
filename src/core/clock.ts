/** Time as a port, so that the core can be simulated. Only this file and the random port touch the real thing. */

export interface TimerHandle {
  readonly kind: 'timer';
}

/** Monotonic time, timers and the end of the event-loop turn. */
export interface Clock {
  /** Milliseconds of a monotonic clock, with fractions. */
  nowMs(): number;
  /** Milliseconds since the epoch; may jump. For people, never for deadlines. */
  wallMs(): number;
  /** Calls `fn` once at monotonic `atMs` or soon after. */
  setTimer(atMs: number, fn: () => void): TimerHandle;
  clear(timer: TimerHandle): void;
  /** Calls `fn` after all I/O callbacks of this event-loop turn. */
  endOfTurn(fn: () => void): void;
}

class SystemTimer implements TimerHandle {
  readonly kind = 'timer';
  readonly timeout: NodeJS.Timeout;
  constructor(timeout: NodeJS.Timeout) {
    this.timeout = timeout;
  }
}

const MAX_TIMEOUT_MS = 2 ** 31 - 1; // longer values fire at once in Node

/** The clock of production. Timers do not keep the process alive. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimer(atMs, fn) {
    const delayMs = Math.min(Math.max(0, atMs - performance.now()), MAX_TIMEOUT_MS);
    return new SystemTimer(setTimeout(fn, Math.ceil(delayMs)).unref());
  },
  clear(timer) {
    if (timer instanceof SystemTimer) clearTimeout(timer.timeout);
  },
  endOfTurn: (fn) => void setImmediate(fn),
};
