/**
 * Brings spans to a collector in batches, beside the requests: what does not fit into the queue is dropped and counted, a collector
 * that is away is asked again at growing intervals, and nobody waits for it but the end of the server, for a bounded time.
 */
import type { Clock, TimerHandle } from '../../../core/clock.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import type { Metrics } from '../../../core/metrics.ts';
import type { Rng } from '../../../core/random.ts';
import type { FinishedSpan } from '../../../core/trace.ts';
import { encodeSpans } from './otlp-json.ts';
import type { OtlpSource } from './otlp-json.ts';
import { postSpans } from './otlp-post.ts';
import type { Collector, PostOutcome } from './otlp-post.ts';

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const JITTER = 0.2;

const EXPORTED = { name: 'skylift_trace_exported_spans_total', help: 'Spans that the collector has taken.' };
const DROPPED = {
  name: 'skylift_trace_dropped_spans_total',
  help: 'Spans that never reached the collector: queue_full, refused by it, unreachable for too long, or left at the shutdown.',
  labels: ['reason'],
};
type DropReason = 'queue_full' | 'refused' | 'unreachable' | 'shutdown';

export interface SpanExporterOptions {
  readonly collector: Collector;
  readonly source: OtlpSource;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly metrics: Metrics;
}

export class SpanExporter {
  readonly #options: SpanExporterOptions;
  readonly #exported: { add(value: number): void };
  readonly #abort = new AbortController();
  #queue: FinishedSpan[] = [];
  #timer: TimerHandle | undefined;
  #sending: Promise<void> | undefined;
  /** Ends the pause before another try. */
  #endPause: (() => void) | undefined;
  #isFailing = false;
  #isClosing = false;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
    this.#exported = options.metrics.counter(EXPORTED);
  }

  /** Takes spans for the next batch, as many as there is room for. */
  add(spans: readonly FinishedSpan[]): void {
    const { limits } = this.#options;
    const room = this.#isClosing ? 0 : Math.max(0, limits.trace_queue_spans - this.#queue.length);
    if (spans.length > room) this.#drop(spans.length - room, this.#isClosing ? 'shutdown' : 'queue_full');
    this.#queue.push(...spans.slice(0, room));
    if (this.#queue.length >= limits.trace_batch_spans) this.#send();
    else if (this.#queue.length > 0) this.#sendLater();
  }

  /** Sends what waits, for up to `trace_drain_ms`; the rest is dropped. */
  async close(): Promise<void> {
    const { clock, limits } = this.#options;
    this.#isClosing = true;
    const timer = clock.setTimer(clock.nowMs() + limits.trace_drain_ms, () => this.#abort.abort());
    this.#endPause?.();
    while (this.#queue.length > 0 || this.#sending) {
      this.#send();
      await this.#sending;
    }
    clock.clear(timer);
    if (this.#timer) clock.clear(this.#timer);
  }

  #sendLater(): void {
    const { clock, limits } = this.#options;
    this.#timer ??= clock.setTimer(clock.nowMs() + limits.trace_flush_ms, () => {
      this.#timer = undefined;
      this.#send();
    });
  }

  /** One batch at a time: a slow collector gets no more connections than a quick one. */
  #send(): void {
    if (this.#sending || this.#queue.length === 0) return;
    const batch = this.#queue.splice(0, this.#options.limits.trace_batch_spans);
    this.#sending = this.#deliver(batch).finally(() => {
      this.#sending = undefined;
      if (this.#isClosing) return;
      if (this.#queue.length >= this.#options.limits.trace_batch_spans) this.#send();
      else if (this.#queue.length > 0) this.#sendLater();
    });
  }

  async #deliver(batch: readonly FinishedSpan[]): Promise<void> {
    const { clock, limits, collector, source } = this.#options;
    const body = encodeSpans(source, batch);
    const giveUpAtMs = clock.nowMs() + limits.trace_retry_ms;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const outcome = await this.#post(collector, body);
      if (outcome.kind !== 'later') return this.#settle(batch.length, outcome);
      this.#complain(outcome.reason);
      const delayMs = outcome.retryAfterMs ?? this.#jittered(pauseMs);
      if (this.#isClosing) return this.#drop(batch.length, 'shutdown');
      if (clock.nowMs() + delayMs > giveUpAtMs) return this.#drop(batch.length, 'unreachable');
      await this.#pause(delayMs);
    }
  }

  #post(collector: Collector, body: string): Promise<PostOutcome> {
    const timeout = AbortSignal.timeout(this.#options.limits.trace_timeout_ms);
    const sent = postSpans(collector, body, AbortSignal.any([timeout, this.#abort.signal]));
    return sent.catch((error: unknown) => ({
      kind: 'refused',
      reason: error instanceof Error ? error.name : 'unknown',
    })); // no defect ends the server
  }

  #settle(spans: number, outcome: Exclude<PostOutcome, { kind: 'later' }>): void {
    if (outcome.kind === 'refused') {
      this.#complain(outcome.reason);
      this.#drop(spans, 'refused');
      return;
    }
    const rejected = outcome.kind === 'partly' ? Math.min(outcome.rejected, spans) : 0;
    if (rejected > 0) this.#drop(rejected, 'refused');
    this.#exported.add(spans - rejected);
    if (this.#isFailing) this.#options.log('info', 'the collector takes traces again');
    this.#isFailing = false;
  }

  /** Once per outage. */
  #complain(reason: string): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const { origin } = new URL(this.#options.collector.url); // without user, password and query
    this.#options.log('warn', 'the collector does not take traces', { collector: origin, reason });
  }

  #drop(spans: number, reason: DropReason): void {
    this.#options.metrics.counter(DROPPED, { reason }).add(spans);
  }

  #pause(delayMs: number): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const timer = clock.setTimer(clock.nowMs() + delayMs, () => this.#endPause?.());
      this.#endPause = () => {
        this.#endPause = undefined;
        clock.clear(timer);
        resolve();
      };
    });
  }

  #jittered(pauseMs: number): number {
    return pauseMs * (1 - JITTER + 2 * JITTER * this.#options.rng.float());
  }
}
