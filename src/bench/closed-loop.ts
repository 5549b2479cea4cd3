/** A closed-loop load run inside this process: N clients, each with one request in flight. */
import { createReplyCheck } from './check-reply.ts';
import { LoadConnection } from './load-connection.ts';
import { LoadRecorder } from './load-recorder.ts';
import { DEFAULT_DEADLINE_MS } from './load-types.ts';
import type { LoadOptions, LoadReport } from './load-types.ts';
import { buildRequest } from './request-bytes.ts';

const DEFAULT_CONNECTIONS = 8;
/** Overdue requests are looked for this often; a deadline may be late by as much. */
const SWEEP_MS = 25;

/** Issues requests as `options` say and resolves when every one has ended. Throws SKY_CONFIG_INVALID. */
export async function runClosedLoop(options: LoadOptions): Promise<LoadReport> {
  const { connections: count = DEFAULT_CONNECTIONS, deadlineMs = DEFAULT_DEADLINE_MS } = options;
  const phases = new LoadPhases(options, performance.now());
  const target = buildRequest(options);
  const check = createReplyCheck(options.verify);
  const clients: LoadConnection[] = [];
  const allDone = Array.from(
    { length: count },
    () =>
      new Promise<void>((onDone) => {
        clients.push(new LoadConnection({ target, check, next: () => phases.next(), onDone }));
      }),
  );
  const sweeper = setInterval(() => {
    for (const client of clients) client.expire(performance.now() - deadlineMs);
  }, SWEEP_MS);
  for (const client of clients) client.issue();
  await Promise.all(allDone);
  clearInterval(sweeper);
  return phases.report(count);
}

/** Warm-up, measurement, end: which requests are issued and where each is recorded. */
class LoadPhases {
  readonly #options: LoadOptions;
  readonly #measureAtMs: number;
  readonly #ignored: LoadRecorder;
  #measured: LoadRecorder | undefined;
  #issued = 0;

  constructor(options: LoadOptions, nowMs: number) {
    this.#options = options;
    this.#measureAtMs = nowMs + (options.warmupMs ?? 0);
    this.#ignored = new LoadRecorder(nowMs, { keepRecords: false });
  }

  next(): ((...args: Parameters<LoadRecorder['record']>) => void) | undefined {
    const nowMs = performance.now();
    const recorder = nowMs < this.#measureAtMs ? this.#ignored : this.#measuring(nowMs);
    if (recorder === this.#ignored) return (ended) => recorder.record(ended);
    const { durationMs = Number.POSITIVE_INFINITY, requests = Number.POSITIVE_INFINITY } = this.#options;
    if (nowMs - this.#measureAtMs >= durationMs || this.#issued >= requests) return undefined;
    this.#issued++;
    return (ended) => recorder.record(ended);
  }

  report(connections: number): LoadReport {
    return (this.#measured ?? this.#ignored).report(connections);
  }

  #measuring(nowMs: number): LoadRecorder {
    this.#measured ??= new LoadRecorder(nowMs, { keepRecords: this.#options.keepRecords ?? false });
    return this.#measured;
  }
}
