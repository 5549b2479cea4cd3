/** The runtime: models with their versions, which one answers, and the way of a request to the dispatcher. */
import type { Clock } from '../../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Rng } from '../../core/random.ts';
import type { EngineLauncher } from '../../engines/port.ts';
import { Dispatcher } from './scheduling/dispatcher.ts';
import type { EngineStatus, LoadedVersion } from './loading/loaded-version.ts';
import { prepareRequest } from './prepare-request.ts';
import { Quarantine } from './scheduling/quarantine.ts';
import type { QuarantineOptions } from './scheduling/quarantine.ts';
import { LATEST } from './requests.ts';
import type {
  ModelStatistics,
  ModelStatus,
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
import { planThreads } from './loading/thread-plan.ts';
import type { ThreadOptions } from './loading/thread-plan.ts';
import { ModelVersions } from './versions/model-versions.ts';
import type { Progress, VersionEvent, VersionWish } from './versions/model-versions.ts';
import { VersionLoader } from './loading/version-loader.ts';
import type { BatchPoint } from './loading/warm-up.ts';

export interface RuntimeOptions {
  readonly launcher: EngineLauncher;
  readonly threads: ThreadOptions;
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

type Versions = ModelVersions<FoundVersion, LoadedVersion>;

interface Model {
  versions: Versions;
  /** Of another source under the same name, until they answer. */
  successor: Versions | undefined;
  labels: ReadonlyMap<string, bigint>;
}

/** How a loaded version runs. */
export interface VersionReport {
  readonly model: string;
  readonly version: bigint;
  /** None while the version waits for somebody to ask. */
  readonly engines: readonly EngineStatus[];
  /** What the engines take, or took: measured after the warm-up. */
  readonly memoryBytes: number;
  readonly curve: readonly BatchPoint[];
  /** See `Measured`. */
  readonly maxRows: number;
  readonly crowdRows: number;
}

/** A joined frame also holds descriptors; half of the limit leaves room for them whatever it is. */
const RUN_SHARE_OF_FRAME = 0.5;
const RETRY_WHILE_LOADING_MS = 1000;
const LOOK_AGAIN_MS = 250;
const NO_LABELS: ReadonlyMap<string, bigint> = new Map();

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
    const { launcher, clock, rng, log, limits, cores, threads } = options;
    const plan = planThreads(threads, cores);
    this.#options = options;
    this.#metrics = new RunMetrics(options.metrics);
    this.#dispatcher = new Dispatcher({
      scheduler: createScheduler({
        cores,
        queueMaxJobs: limits.queue_max_jobs,
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
    this.#loader = new VersionLoader({ launcher, clock, rng, log, limits, dispatcher, plan });
  }

  /** Says what a model shall consist of; a new name is served from now on. Versions come and go as the wish asks. */
  wish(model: string, wish: VersionWish<FoundVersion>): void {
    const known = this.#models.get(model) ?? this.#add(model, wish);
    newest(known).wish(wish);
  }

  /** As `wish`, for another source under the same name: what answers goes on until the versions of the new one do. */
  replace(model: string, wish: VersionWish<FoundVersion>): void {
    const known = this.#models.get(model) ?? this.#add(model, wish);
    known.successor?.remove();
    known.successor = this.#createVersions(model, wish);
    known.successor.wish(wish);
  }

  /** Labels of a model instead of those it had. Unknown models are ignored. */
  setLabels(model: string, labels: ReadonlyMap<string, bigint>): void {
    const known = this.#models.get(model);
    if (known) known.labels = labels;
  }

  /** The model is not served any more; what it has begun is finished. */
  remove(model: string): void {
    const known = this.#models.get(model);
    if (known) removeAll(known);
    this.#models.delete(model);
  }

  /** The model stays known, but answers nothing until the next wish. Resolves when its memory is given back. Throws SKY_MODEL_NOT_FOUND. */
  async unload(model: string): Promise<void> {
    const known = this.#models.get(model);
    if (!known) throw versionNotFound(model, LATEST);
    removeAll(known);
    while (known.versions.isRemoved && known.versions.isBusy) await this.#nextEvent(model);
  }

  /** Whether the version answers now. */
  answers(model: string, version: bigint): boolean {
    return this.#models.get(model)?.versions.get(version) !== undefined;
  }

  /** How far a model is; `empty` for unknown ones. */
  progress(model: string): Progress {
    const known = this.#models.get(model);
    return known ? newest(known).progress() : { kind: 'empty' };
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
      const known = this.#models.get(model);
      if (!known || newest(known).isRemoved)
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

  models(): readonly ModelStatus[] {
    return [...this.#models].map(([name, { versions }]) => ({ name, versions: versions.statuses() }));
  }

  statistics(): ModelStatistics[] {
    return [...this.#models].flatMap(([model, known]) =>
      allLoaded(known).map(({ servable, statistics, memoryBytes }) => {
        const { version } = servable;
        return { model, version, statistics, memoryBytes };
      }),
    );
  }

  /** Models that should answer and do not. */
  notReady(): string[] {
    return [...this.#models]
      .filter(([, { versions }]) => !versions.isRemoved && !versions.latest?.isReady)
      .map(([name]) => name);
  }

  /** Of the versions with engines. */
  report(): VersionReport[] {
    return [...this.#models].flatMap(([model, known]) =>
      allLoaded(known).map((loaded) => {
        const { curve = [], maxRows = 1, crowdRows = 1 } = loaded.measured ?? {};
        const { version } = loaded.servable;
        const { memoryBytes } = loaded;
        return { model, version, engines: loaded.engines(), memoryBytes, curve, maxRows, crowdRows };
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
    for (const { versions, successor } of this.#models.values()) {
      versions.close();
      successor?.close();
    }
    await this.#loader.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #add(model: string, wish: VersionWish<FoundVersion>): Model {
    const versions = this.#createVersions(model, wish);
    const added: Model = { versions, successor: undefined, labels: NO_LABELS };
    this.#models.set(model, added);
    return added;
  }

  #createVersions(model: string, wish: VersionWish<FoundVersion>): Versions {
    const { clock, limits } = this.#options;
    return new ModelVersions(wish, {
      clock,
      work: this.#loader.workFor(model),
      settleMs: limits.version_settle_ms,
      maxRetries: limits.max_num_load_retries,
      retryAfterMs: limits.load_retry_interval_ms,
      onEvent: (event) => {
        this.#promote(model);
        for (const listener of this.#listeners) listener({ ...event, model });
      },
    });
  }

  /** The versions of a new source answer: those of the old one go. */
  #promote(model: string): void {
    const known = this.#models.get(model);
    if (known?.successor?.progress().kind !== 'answers') return;
    const old = known.versions;
    known.versions = known.successor;
    known.successor = undefined;
    old.remove();
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
    const selector = known && asked.kind === 'label' ? labelled(known, asked) : asked;
    const loaded = known && answering(known, selector);
    if (loaded) return loaded;
    if (known && isOnItsWay(known, selector))
      throw new SkyliftError('SKY_UNAVAILABLE', `model ${model} is loading`, {
        details: { retryAfterMs: RETRY_WHILE_LOADING_MS },
      });
    throw versionNotFound(model, selector);
  }
}

/** Those whose source is the configured one. */
function newest({ versions, successor }: Model): Versions {
  return successor ?? versions;
}

function removeAll(model: Model): void {
  model.successor?.remove();
  model.successor = undefined;
  model.versions.remove();
}

function allLoaded({ versions, successor }: Model): LoadedVersion[] {
  return [...versions.loaded(), ...(successor?.loaded() ?? [])];
}

/** On the path of every request: no allocation. */
function answering({ versions }: Model, selector: VersionSelector): LoadedVersion | undefined {
  if (selector.kind === 'latest') return versions.latest;
  return selector.kind === 'version' ? versions.get(selector.version) : undefined;
}

/** The version that has the label now; unknown labels stay labels. */
function labelled({ labels }: Model, selector: VersionSelector & { kind: 'label' }): VersionSelector {
  const version = labels.get(selector.label);
  return version === undefined ? selector : { kind: 'version', version };
}

function isOnItsWay({ versions }: Model, selector: VersionSelector): boolean {
  if (selector.kind === 'version') return versions.isOnItsWay(selector.version);
  return selector.kind === 'latest' && versions.progress().kind === 'pending';
}
