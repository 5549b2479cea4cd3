/** How any back-end drains its connections: idle ones end early, late requests get a last answer, the rest is cut off. */
import type { Clock } from '../../../core/clock.ts';
import type { Limits } from '../../../core/limits.ts';

const LAST_REPLY_MS = 500; // for clients to take the reply that ends the drain

export interface DrainedConnection {
  /** Ends when no request is open, after what is still being written. */
  closeIfIdle(): void;
  /** What is open is answered now, then the connection ends. */
  expire(): void;
  /** Ends now. */
  destroy(): void;
}

export interface DrainOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly connections: () => Iterable<DrainedConnection>;
  /** Resolves when the listener and all its connections are closed. */
  readonly closed: Promise<void>;
}

/** Resolves when all connections are closed. */
export async function drainConnections({ clock, limits, connections, closed }: DrainOptions): Promise<void> {
  const startMs = clock.nowMs();
  const steps: readonly (readonly [afterMs: number, step: (one: DrainedConnection) => void])[] = [
    [limits.drain_idle_ms, (one) => one.closeIfIdle()],
    [limits.drain_ms, (one) => one.expire()],
    [limits.drain_ms + LAST_REPLY_MS, (one) => one.destroy()],
  ];
  const timers = steps.map(([afterMs, step]) =>
    clock.setTimer(startMs + afterMs, () => {
      for (const connection of connections()) step(connection);
    }),
  );
  await closed;
  for (const timer of timers) clock.clear(timer);
}
