/** What the runtime counts: TensorFlow Serving's names where it has one for the same thing, ours beside them. */
import { ERROR_CODES } from '../../core/error-codes.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import type { InstrumentSpec, Metrics } from '../../core/metrics.ts';
import type { RunTiming } from './requests.ts';

/** Source of names and buckets: tensorflow_serving/servables/tensorflow/util.cc and batching_session.cc. */
const exponential = (start: number, factor: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => start * factor ** i);
const LATENCY_BUCKETS_US = exponential(10, 1.8, 33);

const REQUESTS = {
  name: ':tensorflow:serving:request_count',
  help: 'Requests by model and canonical status.',
  labels: ['model_name', 'status'],
};
const RUN_LATENCY = {
  name: ':tensorflow:serving:runtime_latency',
  help: 'Microseconds from dispatch to result, with the way to the engine and back.',
  labels: ['model_name', 'API', 'runtime'],
  buckets: LATENCY_BUCKETS_US,
};
const QUEUE_LATENCY = {
  name: 'skylift_queue_latency_us',
  help: 'Microseconds that a request waited for an engine.',
  labels: ['model_name'],
  buckets: LATENCY_BUCKETS_US,
};
const BATCH_ROWS = {
  name: 'skylift_batch_rows',
  help: 'Rows that were combined into one run.',
  labels: ['model_name'],
  buckets: exponential(1, 2, 11),
};
const REJECTED = {
  name: 'skylift_rejected_total',
  help: 'Requests that ended without a result, by error code.',
  labels: ['model_name', 'code'],
};

const VERSION_EVENTS = {
  name: 'skylift_version_events_total',
  help: 'Versions that were loaded, failed to load, or were unloaded.',
  labels: ['model_name', 'event'],
};
const ENGINES = {
  name: 'skylift_engines',
  help: 'Engine processes of a version; none while it gave its memory back.',
  labels: ['model_name', 'version'],
};
const ENGINE_EXITS = {
  name: 'skylift_engine_exits_total',
  help: 'Engine processes that ended: closed in order, killed for a reason, crashed.',
  labels: ['model_name', 'kind'],
};
const MEMORY = {
  name: 'skylift_model_memory_bytes',
  help: 'What the engines of a version take, as measured after the warm-up.',
  labels: ['model_name', 'version'],
};
const WAITING = {
  name: 'skylift_waiting_requests',
  help: 'Requests that wait for an engine.',
  labels: ['model_name', 'version'],
};
const WARMUP_LATENCY = {
  name: ':tensorflow:serving:model_warmup_latency',
  help: 'Microseconds that the recorded requests of a version took before it was offered.',
  labels: ['model_path', 'status'],
  buckets: LATENCY_BUCKETS_US,
};
const WARMUP_RECORDS = {
  name: ':tensorflow:serving:model_warmup_records_read',
  help: 'Recorded requests that were run before a version was offered.',
  labels: ['model_path', 'status'],
};
/** Others are steps on the way. */
const COUNTED_EVENTS: ReadonlySet<string> = new Set(['loaded', 'failed', 'unloaded']);

interface ModelInstruments {
  readonly answered: { add(value: number): void };
  readonly ranUs: { observe(value: number): void };
  readonly queuedUs: { observe(value: number): void };
  readonly batchRows: { observe(value: number): void };
}

/** What is told of a loaded version. */
interface VersionStanding {
  readonly model: string;
  readonly version: bigint;
  readonly engines: readonly unknown[];
  readonly memoryBytes: number;
  /** Requests that wait for an engine. */
  readonly waiting: number;
}

/** Instruments of all models, bound on first use. Only names of configured models get here. */
export class RunMetrics {
  readonly #metrics: Metrics;
  readonly #models = new Map<string, ModelInstruments>();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  dispatched(model: string, rows: number): void {
    this.#of(model).batchRows.observe(rows);
  }

  answered(model: string, timing: RunTiming): void {
    const instruments = this.#of(model);
    instruments.answered.add(1);
    instruments.ranUs.observe(timing.ranUs);
    instruments.queuedUs.observe(timing.queuedUs);
  }

  rejected(model: string, code: ErrorCode): void {
    this.#metrics.counter(REQUESTS, { model_name: model, status: ERROR_CODES[code].grpc }).add(1);
    this.#metrics.counter(REJECTED, { model_name: model, code }).add(1);
  }

  /** @param event kind of a VersionEvent */
  versionEvent(model: string, event: string): void {
    if (COUNTED_EVENTS.has(event)) this.#metrics.counter(VERSION_EVENTS, { model_name: model, event }).add(1);
  }

  /** @param kind of an ExitReport */
  engineEnded(model: string, kind: string): void {
    this.#metrics.counter(ENGINE_EXITS, { model_name: model, kind }).add(1);
  }

  /** How the loaded versions stand whenever somebody looks. */
  watch(versions: () => readonly VersionStanding[]): void {
    const gauges: readonly (readonly [InstrumentSpec, (of: VersionStanding) => number])[] = [
      [ENGINES, ({ engines }) => engines.length],
      [MEMORY, ({ engines, memoryBytes }) => (engines.length > 0 ? memoryBytes : 0)],
      [WAITING, ({ waiting }) => waiting],
    ];
    for (const [spec, valueOf] of gauges)
      this.#metrics.watch(spec, () =>
        versions().map((of) => [{ model_name: of.model, version: String(of.version) }, valueOf(of)] as const),
      );
  }

  /** @param path of the recorded requests */
  warmedUp(path: string, records: number, durationUs: number): void {
    const labels = { model_path: path, status: 'OK' };
    this.#metrics.histogram(WARMUP_LATENCY, labels).observe(durationUs);
    this.#metrics.counter(WARMUP_RECORDS, labels).add(records);
  }

  #of(model: string): ModelInstruments {
    let instruments = this.#models.get(model);
    if (!instruments) {
      instruments = {
        answered: this.#metrics.counter(REQUESTS, { model_name: model, status: 'OK' }),
        ranUs: this.#metrics.histogram(RUN_LATENCY, {
          model_name: model,
          API: 'Predict',
          runtime: 'onnxruntime',
        }),
        queuedUs: this.#metrics.histogram(QUEUE_LATENCY, { model_name: model }),
        batchRows: this.#metrics.histogram(BATCH_ROWS, { model_name: model }),
      };
      this.#models.set(model, instruments);
    }
    return instruments;
  }
}
