/**
 * An open-loop load run: requests are due at a constant rate whether or not the server keeps up, and their latency counts
 * from the moment that they were due. A closed loop waits with a slow server and so hides what its users would feel.
 */
import { createReplyCheck } from './check-reply.ts';
import { LoadConnection } from './load-connection.ts';
import type { NextRequest } from './load-connection.ts';
import { LoadRecorder } from './load-recorder.ts';
import { DEFAULT_DEADLINE_MS, DEFAULT_OPEN_CONNECTIONS } from './load-types.ts';
import type { LoadOptions, LoadReport } from './load-types.ts';
import { buildRequest } from './request-bytes.ts';

const TICK_MS = 1;

/** Issues requests as `options` say and resolves when every one has ended. Throws SKY_CONFIG_INVALID. */
export function runOpenLoop(options: LoadOptions & { readonly ratePerSecond: number }): Promise<LoadReport> {
  return new OpenLoop(options).run();
}

class OpenLoop {
  readonly #options: LoadOptions;
  readonly #everyMs: number;
  readonly #startMs = performance.now();
  readonly #ignored: LoadRecorder;
  readonly #measured: LoadRecorder;
  readonly #measureAtMs: number;
  readonly #endAtMs: number;
  readonly #most: number;
  readonly #connections: LoadConnection[] = [];
  readonly #idle: LoadConnection[] = [];
  /** Moments at which requests were due that no connection was free for. */
  readonly #waiting: number[] = [];
  #due = 0;
  #open = 0;
  #connect: () => LoadConnection;

  constructor(options: LoadOptions & { readonly ratePerSecond: number }) {
    const { warmupMs = 0, durationMs, requests = Infinity, keepRecords = false } = options;
    this.#options = options;
    this.#everyMs = 1000 / options.ratePerSecond;
    this.#measureAtMs = this.#startMs + warmupMs;
    this.#endAtMs = this.#measureAtMs + (durationMs ?? requests * this.#everyMs);
    this.#most = options.connections ?? DEFAULT_OPEN_CONNECTIONS;
    this.#ignored = new LoadRecorder(this.#startMs, { keepRecords: false });
    this.#measured = new LoadRecorder(this.#measureAtMs, { keepRecords });
    const target = buildRequest(options);
    const check = createReplyCheck(options.verify);
    this.#connect = () => {
      const connection: LoadConnection = new LoadConnection({
        target,
        check,
        next: () => this.#next(connection),
        onDone: () => {},
      });
      return connection;
    };
  }

  async run(): Promise<LoadReport> {
    const { deadlineMs = DEFAULT_DEADLINE_MS } = this.#options;
    await new Promise<void>((resolve) => {
      const ticker = setInterval(() => {
        const nowMs = performance.now();
        this.#tick(nowMs, nowMs - deadlineMs);
        if (!this.#isOver()) return;
        clearInterval(ticker);
        resolve();
      }, TICK_MS);
    });
    for (const connection of this.#connections) connection.issue(); // nothing is due: they close
    return this.#measured.report(this.#connections.length);
  }

  #tick(nowMs: number, overdueMs: number): void {
    for (let atMs = this.#dueAt(); atMs <= nowMs && atMs < this.#endAtMs; atMs = this.#dueAt()) {
      this.#due++;
      this.#waiting.push(atMs);
    }
    while (this.#waiting.length > 0 && (this.#idle.length > 0 || this.#connections.length < this.#most))
      this.#free().issue();
    this.#giveUp(nowMs, overdueMs);
    for (const connection of this.#connections) connection.expire(overdueMs);
  }

  #dueAt(): number {
    return this.#startMs + this.#due * this.#everyMs;
  }

  #free(): LoadConnection {
    const idle = this.#idle.pop();
    if (idle) return idle;
    const connection = this.#connect();
    this.#connections.push(connection);
    return connection;
  }

  /** A request that found no connection in its time has failed like any other. */
  #giveUp(nowMs: number, overdueMs: number): void {
    for (let atMs = this.#waiting[0]; atMs !== undefined && atMs < overdueMs; atMs = this.#waiting[0]) {
      this.#waiting.shift();
      const message = 'no connection was free in time';
      this.#recorderOf(atMs).record({
        startedAtMs: atMs,
        endedAtMs: nowMs,
        end: 'deadline',
        status: 0,
        message,
      });
    }
  }

  #next(connection: LoadConnection): NextRequest {
    const dueAtMs = this.#waiting.shift();
    if (dueAtMs === undefined) {
      if (this.#isOver()) return undefined;
      this.#idle.push(connection);
      return 'wait';
    }
    this.#open++;
    const recorder = this.#recorderOf(dueAtMs);
    return (ended) => {
      this.#open--;
      recorder.record({ ...ended, startedAtMs: dueAtMs });
    };
  }

  #recorderOf(dueAtMs: number): LoadRecorder {
    return dueAtMs < this.#measureAtMs ? this.#ignored : this.#measured;
  }

  #isOver(): boolean {
    return this.#dueAt() >= this.#endAtMs && this.#waiting.length === 0 && this.#open === 0;
  }
}
