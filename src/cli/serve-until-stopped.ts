/** The life of a serving process: start, ready, a stop signal, drain. Shared by both programs. */
import { setFlagsFromString } from 'node:v8';
import { SkyliftError } from '../core/errors.ts';
import type { LogLevel } from '../core/log.ts';
import type { RunningServer, ServeOptions } from '../index.ts';
import { startServer } from './compose.ts';

export interface ServingPlan {
  readonly options: Omit<ServeOptions, 'log' | 'accessLog'>;
  readonly logLevel: LogLevel;
  readonly accessLog: boolean;
  readonly onReady: (server: RunningServer) => Promise<void>;
  /** The signal that ends serving has come. */
  readonly onStop: (signal: NodeJS.Signals) => void;
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Bodies and tensors are memory outside of V8's heap, but V8 counts them when it decides to collect: with its defaults a
 * small heap is searched after every few large requests. Ten times the live bytes may come first instead of about 1.5 times.
 */
const HEAP_GROWING_PERCENT = 1000;

/**
 * Serves until SIGTERM or SIGINT, then answers what is in flight. Throws what `serve` throws, and SKY_INTERRUPTED for a
 * signal before the server is ready or a second one while it drains.
 */
export async function serveUntilStopped(plan: ServingPlan): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWING_PERCENT}`);
  const { createAccessLog, createLog } = await import('../serve/server/json-log.ts');
  const accessLog = plan.accessLog ? createAccessLog() : undefined;
  const signals = listenForSignals();
  try {
    const starting = startServer({
      ...plan.options,
      log: createLog({ level: plan.logLevel }),
      ...(accessLog && { accessLog: accessLog.write }),
    });
    const server = await Promise.race([starting, signals.next().then(interrupted)]);
    const stopping = signals.next();
    await plan.onReady(server);
    plan.onStop(await stopping);
    await Promise.race([server.drain(), signals.next().then(interrupted)]);
  } finally {
    signals.close();
    accessLog?.flush();
  }
}

function interrupted(signal: NodeJS.Signals): never {
  throw new SkyliftError('SKY_INTERRUPTED', `${signal} came before the server had finished`);
}

/** Listens from the first moment: process 1 of a container ignores signals that nobody listens for. */
function listenForSignals(): { next(): Promise<NodeJS.Signals>; close(): void } {
  const waiting = new Set<(signal: NodeJS.Signals) => void>();
  const onSignal = (signal: NodeJS.Signals): void => {
    for (const wake of waiting) wake(signal);
    waiting.clear();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, onSignal);
  return {
    next: () => new Promise((resolve) => void waiting.add(resolve)),
    close() {
      for (const signal of STOP_SIGNALS) process.off(signal, onSignal);
    },
  };
}
