/** Counts how requests ended. Every issued request is recorded exactly once, so that the sums can be trusted. */
import { createHistogram } from 'node:perf_hooks';
import { MAX_RECORDS, REQUEST_ENDS } from './load-types.ts';
import type { LoadReport, RequestEnd, RequestRecord } from './load-types.ts';

const MAX_MESSAGES = 16;
const MAX_LATENCY_US = 3600e6;

/** What is known of one ended request. */
export interface EndedRequest {
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly end: RequestEnd;
  /** 0 without a reply. */
  readonly status: number;
  /** Why it failed. */
  readonly message?: string | undefined;
}

/** Collects the ends of one measurement. */
export class LoadRecorder {
  readonly #startedAtMs: number;
  readonly #latenciesUs = createHistogram({ lowest: 1, highest: MAX_LATENCY_US, figures: 3 });
  readonly #ends = new Map<RequestEnd, number>();
  readonly #statuses = new Map<string, number>();
  readonly #messages = new Map<string, number>();
  readonly #records: RequestRecord[] | undefined;
  #lastEndMs: number;
  #requests = 0;

  constructor(startedAtMs: number, options: { readonly keepRecords: boolean }) {
    this.#startedAtMs = startedAtMs;
    this.#lastEndMs = startedAtMs;
    this.#records = options.keepRecords ? [] : undefined;
  }

  record({ startedAtMs, endedAtMs, end, status, message }: EndedRequest): void {
    const latencyMs = endedAtMs - startedAtMs;
    this.#requests++;
    this.#lastEndMs = Math.max(this.#lastEndMs, endedAtMs);
    count(this.#ends, end);
    if (status !== 0) count(this.#statuses, String(status));
    if (end === 'ok')
      this.#latenciesUs.record(Math.min(MAX_LATENCY_US, Math.max(1, Math.round(latencyMs * 1000))));
    else this.#countMessage(message ?? end);
    if (this.#records && this.#records.length < MAX_RECORDS)
      this.#records.push({ startMs: startedAtMs - this.#startedAtMs, latencyMs, end, status });
  }

  report(connections: number): LoadReport {
    const good = this.#ends.get('ok') ?? 0;
    const durationMs = this.#lastEndMs - this.#startedAtMs;
    return {
      requests: this.#requests,
      failed: this.#requests - good,
      ends: Object.fromEntries(
        REQUEST_ENDS.map((end) => [end, this.#ends.get(end) ?? 0]),
      ) as LoadReport['ends'],
      statuses: Object.fromEntries(this.#statuses),
      errors: Object.fromEntries(this.#messages),
      requestsPerSecond: durationMs === 0 ? 0 : (good * 1000) / durationMs,
      durationMs,
      latencyMs: this.#latencies(good),
      connections,
      ...(this.#records && { records: this.#records }),
    };
  }

  #latencies(good: number): LoadReport['latencyMs'] {
    if (good === 0) return { p50: 0, p90: 0, p99: 0, max: 0 };
    const at = (percent: number): number => this.#latenciesUs.percentile(percent) / 1000;
    return { p50: at(50), p90: at(90), p99: at(99), max: this.#latenciesUs.max / 1000 };
  }

  #countMessage(message: string): void {
    if (this.#messages.has(message) || this.#messages.size < MAX_MESSAGES) count(this.#messages, message);
  }
}

function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
