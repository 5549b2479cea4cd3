/** The runtime: models with their versions, which one answers, and the way of a request to the dispatcher. */
import type { Clock } from '../../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Rng } from '../../core/random.ts';
import type { Device, EngineLauncher } from '../../engines/port.ts';
import type { WeightCache } from '../../engines/weight-cache/weight-cache.ts';
import { Dispatcher } from './scheduling/dispatcher.ts';
import type { EngineStatus, LoadedVersion, Replayed } from './loading/loaded-version.ts';
import { prepareRequest } from './prepare-request.ts';
import { Quarantine } from './scheduling/quarantine.ts';
import type { QuarantineOptions } from './scheduling/quarantine.ts';
import { LATEST } from './requests.ts';
import type {
  ModelStatistics,
  ModelStatus,
  Principal,
  RunHandle,
  RunRequest,
  Runtime,
  RunSink,
  ServableVersion,
  VersionSelector,
} from './requests.ts';
import { RunMetrics } from './run-metrics.ts';
import { createScheduler } from './scheduling/scheduler.ts';
import { versionNotFound } from './servable.ts';
import type { FoundVersion } from './sources/model-source.ts';
import type { BatchingOptions } from './loading/version-options.ts';
import { planThreads } from './loading/thread-plan.ts';
import type { ThreadOptions } from './loading/thread-plan.ts';
import type { Progress, VersionEvent, VersionWish } from './versions/model-versions.ts';
import { ServedModel } from './versions/served-model.ts';
import { VersionLoader } from './loading/version-loader.ts';
import type { BatchPoint } from './loading/warm-up.ts';

export interface RuntimeOptions {
  readonly launcher: EngineLauncher;
  readonly threads: ThreadOptions;
  /** What engines compute on. */
  readonly device: Device;
  /** @default engines do not share weights */
  readonly weights?: WeightCache | undefined;
  /** Of versions that say nothing themselves. @default measured at warm-up */
  readonly batching?: BatchingOptions | undefined;
  /** Cores that all engines together may use. */
  readonly cores: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly limits: Limits;
  /** Keyed hash for the quarantine list. */
  readonly digest: QuarantineOptions['digest'];
}

/** What happens to the versions of a model. */
export type ModelEvent = { readonly model: string } & VersionEvent<LoadedVersion>;

type Model = ServedModel<FoundVersion, LoadedVersion>;

/** How a loaded version runs. */
export interface VersionReport {
  readonly model: string;
  readonly version: bigint;
  /** None while the version waits for somebody to ask. */
  readonly engines: readonly EngineStatus[];
  /** What the engines take, or took: measured after the warm-up. */
  readonly memoryBytes: number;
  /** Requests that wait for an engine. */
  readonly waiting: number;
  readonly curve: readonly BatchPoint[];
  /** See `Measured`. */
  readonly maxRows: number;
  readonly crowdRows: number;
}

/** A joined frame also holds descriptors; half of the limit leaves room for them whatever it is. */
const RUN_SHARE_OF_FRAME = 0.5;
const RETRY_WHILE_LOADING_MS = 1000;
const LOOK_AGAIN_MS = 250;

export class ModelRuntime implements Runtime {
  readonly #options: RuntimeOptions;
  readonly #metrics: RunMetrics;
  readonly #dispatcher: Dispatcher;
  readonly #loader: VersionLoader;
  readonly #models = new Map<string, Model>();
  readonly #listeners = new Set<(event: ModelEvent) => void>();
  #isClosed = false;

  /** Throws SKY_CONFIG_INVALID, SKY_CONFIG_OVERSUBSCRIBED for thread options that do not fit the cores. */
  constructor(options: RuntimeOptions) {
    const { launcher, device, weights, clock, rng, log, limits, cores, threads, batching = {} } = options;
    const plan = planThreads(threads, cores);
    this.#options = options;
    this.#metrics = new RunMetrics(options.metrics);
    this.#metrics.watch(() => this.report());
    this.#dispatcher = new Dispatcher({
      scheduler: createScheduler({
        cores,
        queueMaxJobs: limits.queue_max_jobs,
        queueMaxWaitMs: limits.queue_max_wait_ms || Infinity,
        maxAttempts: limits.max_attempts,
        poisonKills: limits.poison_kills,
        runMaxBytes: limits.max_frame_bytes * RUN_SHARE_OF_FRAME,
      }),
      clock,
      quarantine: new Quarantine({
        clock,
        entries: limits.quarantine_entries,
        durationMs: limits.quarantine_ms,
        digest: options.digest,
      }),
      metrics: this.#metrics,
      log,
      onPressure: (queue) => this.#loader.grow(queue),
    });
    const dispatcher = this.#dispatcher;
    this.#loader = new VersionLoader({
      launcher,
      device,
      weights,
      clock,
      rng,
      log,
      limits,
      dispatcher,
      plan,
      cores,
      batching,
      onEngineEnd: (model, kind) => this.#metrics.engineEnded(model, kind),
      onReplayed: (outcome) => this.#replayed(outcome),
    });
  }

  /** Says what a model shall consist of; a new name is served from now on. Versions come and go as the wish asks. */
  wish(model: string, wish: VersionWish<FoundVersion>): void {
    this.#model(model).wish(wish);
  }

  /** As `wish`, for another source under the same name: what answers goes on until the versions of the new one do. */
  replace(model: string, wish: VersionWish<FoundVersion>): void {
    this.#model(model).replace(wish);
  }

  /** Labels of a model instead of those it had. Unknown models are ignored. */
  setLabels(model: string, labels: ReadonlyMap<string, bigint>): void {
    this.#models.get(model)?.setLabels(labels);
  }

  /** The model is not served any more; what it has begun is finished. */
  remove(model: string): void {
    this.#models.get(model)?.remove();
    this.#models.delete(model);
  }

  /** The model stays known, but answers nothing until the next wish. Resolves when its memory is given back. Throws SKY_MODEL_NOT_FOUND. */
  async unload(model: string): Promise<void> {
    const known = this.#models.get(model);
    if (!known) throw versionNotFound(model, LATEST);
    known.remove();
    while (known.isRemoved && known.isBusy) await this.#nextEvent(model);
  }

  /** Whether the version answers now. */
  answers(model: string, version: bigint): boolean {
    return this.#models.get(model)?.find({ kind: 'version', version }) !== undefined;
  }

  /** How far a model is; `empty` for unknown ones. */
  progress(model: string): Progress {
    return this.#models.get(model)?.progress() ?? { kind: 'empty' };
  }

  /**
   * Resolves when the model answers and nothing more is on its way. Rejects with the error of its best version if none
   * answers; SKY_UNAVAILABLE when it was unloaded meanwhile; SKY_MODEL_NO_VERSIONS, unless `isPatient`, when there is none.
   */
  async whenStarted(model: string, isPatient = false): Promise<void> {
    for (;;) {
      const progress = this.progress(model);
      if (progress.kind === 'answers') return;
      if (progress.kind === 'failed') throw progress.error;
      if (this.#isClosed) throw new SkyliftError('SKY_DRAINING', `model ${model}: it was closed`);
      if (this.#models.get(model)?.isRemoved !== false)
        throw new SkyliftError('SKY_UNAVAILABLE', `model ${model}: it was unloaded meanwhile`);
      if (progress.kind === 'empty' && !isPatient)
        throw new SkyliftError('SKY_MODEL_NO_VERSIONS', `model ${model}: its versions are gone`);
      await this.#nextEvent(model);
    }
  }

  /** Calls `listener` with what happens from now on. @returns ends that */
  listen(listener: (event: ModelEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  submit(request: RunRequest, sink: RunSink): RunHandle {
    try {
      if (this.#isClosed) throw new SkyliftError('SKY_DRAINING', `model ${request.model}: it was closed`);
      const entry = this.#entry(request.model, request.version);
      const handle = this.#dispatcher.submit(prepareRequest(request, entry), sink);
      entry.lastUsedMs = this.#options.clock.nowMs();
      if (entry.isAsleep) this.#loader.wake(entry);
      return handle;
    } catch (error) {
      return this.#refuse(request, sink, toSkyliftError(error));
    }
  }

  /** Later, as every outcome, and not if the caller is gone by then. */
  #refuse({ model }: RunRequest, sink: RunSink, error: SkyliftError): RunHandle {
    let isCancelled = false;
    if (this.#models.has(model)) this.#metrics.rejected(model, error.code); // other names are the caller's words
    this.#options.clock.endOfTurn(() => {
      if (!isCancelled) sink.fail(error);
    });
    return { cancel: () => void (isCancelled = true), resume: () => {} };
  }

  resolve(model: string, version: VersionSelector): ServableVersion {
    return this.#entry(model, version).servable;
  }

  admit(model: string, asked: VersionSelector, principal: Principal): void {
    const known = this.#models.get(model);
    const loaded = known?.find(known.meaning(asked) ?? asked);
    if (loaded) this.#dispatcher.admit(loaded, principal);
  }

  models(): readonly ModelStatus[] {
    return [...this.#models].map(([name, known]) => ({ name, versions: known.statuses() }));
  }

  statistics(): ModelStatistics[] {
    return [...this.#models].flatMap(([model, known]) =>
      known.loaded().map(({ servable, statistics, memoryBytes }) => {
        const { version } = servable;
        return { model, version, statistics, memoryBytes };
      }),
    );
  }

  /** Models that should answer and do not. */
  notReady(): string[] {
    return [...this.#models]
      .filter(([, known]) => !known.isRemoved && !known.latest?.isReady)
      .map(([name]) => name);
  }

  /** Of the versions with engines. */
  report(): VersionReport[] {
    return [...this.#models].flatMap(([model, known]) =>
      known.loaded().map((loaded) => {
        const { curve = [], maxRows = 1, crowdRows = 1 } = loaded.measured ?? {};
        const { servable, memoryBytes, queue } = loaded;
        return {
          model,
          version: servable.version,
          engines: loaded.engines(),
          memoryBytes,
          waiting: this.#dispatcher.waiting(queue),
          curve,
          maxRows,
          crowdRows,
        };
      }),
    );
  }

  /** Requests without an answer yet. */
  get inflight(): number {
    return this.#dispatcher.inflight;
  }

  /** Ends all engines. Requests that still wait, or come later, get SKY_DRAINING. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const known of this.#models.values()) known.close();
    await this.#loader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** In the words of TensorFlow Serving: people search their logs for them. */
  #replayed({ model, path, records, durationUs }: Replayed): void {
    this.#metrics.warmedUp(path, records, durationUs);
    const text = `Finished reading warmup data for model at ${path}. Number of warmup records read: ${records}. Elapsed time (microseconds): ${durationUs}.`;
    this.#options.log('info', text, { model, records, durationUs });
  }

  /** The model of that name, new if there is none. */
  #model(model: string): Model {
    const known = this.#models.get(model) ?? this.#createModel(model);
    this.#models.set(model, known);
    return known;
  }

  #createModel(model: string): Model {
    const { clock, limits } = this.#options;
    return new ServedModel({
      clock,
      work: this.#loader.workFor(model),
      settleMs: limits.version_settle_ms,
      maxRetries: limits.max_num_load_retries,
      retryAfterMs: limits.load_retry_interval_ms,
      onEvent: (event) => {
        this.#metrics.versionEvent(model, event.kind);
        for (const listener of this.#listeners) listener({ ...event, model });
      },
    });
  }

  /** Or a while: not everything that matters is an event. */
  #nextEvent(model: string): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const done = (): void => {
        end();
        clock.clear(timer);
        clock.endOfTurn(resolve);
      };
      const timer = clock.setTimer(clock.nowMs() + LOOK_AGAIN_MS, done);
      const end = this.listen((event) => {
        if (event.model === model) done();
      });
    });
  }

  #entry(model: string, asked: VersionSelector): LoadedVersion {
    const known = this.#models.get(model);
    const selector = known?.meaning(asked) ?? asked;
    const loaded = known?.find(selector);
    if (loaded) return loaded;
    if (known?.isOnItsWay(selector) === true)
      throw new SkyliftError('SKY_UNAVAILABLE', `model ${model} is loading`, {
        details: { retryAfterMs: RETRY_WHILE_LOADING_MS },
      });
    throw versionNotFound(model, selector);
  }
}
