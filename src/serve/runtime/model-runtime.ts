/** The runtime: models with their versions, which one answers, and the way of a request to the dispatcher. */
import type { Clock } from '../../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Rng } from '../../core/random.ts';
import type { EngineLauncher } from '../../engines/port.ts';
import type { PackageHandle } from '../../package/manifest.ts';
import { Dispatcher } from './dispatcher.ts';
import { LoadedVersion } from './loaded-version.ts';
import type { EngineStatus } from './loaded-version.ts';
import { prepareRequest } from './prepare-request.ts';
import { Quarantine } from './quarantine.ts';
import type { QuarantineOptions } from './quarantine.ts';
import type {
  ModelStatus,
  RunHandle,
  RunRequest,
  Runtime,
  RunSink,
  ServableVersion,
  VersionSelector,
  VersionState,
} from './requests.ts';
import { RunMetrics } from './run-metrics.ts';
import { createScheduler } from './scheduler.ts';
import { createServable, versionNotFound } from './servable.ts';
import { planThreads } from './thread-plan.ts';
import type { ThreadOptions } from './thread-plan.ts';
import type { BatchPoint } from './warm-up.ts';

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

interface VersionEntry {
  state: VersionState;
  error: SkyliftError | undefined;
  loaded: LoadedVersion | undefined;
}

/** How a loaded version runs. */
export interface VersionReport {
  readonly model: string;
  readonly version: bigint;
  readonly engines: readonly EngineStatus[];
  readonly curve: readonly BatchPoint[];
  /** See `Measured`. */
  readonly maxRows: number;
  readonly crowdRows: number;
}

/** A joined frame also holds descriptors; half of the limit leaves room for them whatever it is. */
const RUN_SHARE_OF_FRAME = 0.5;
const RETRY_WHILE_LOADING_MS = 1000;

export class ModelRuntime implements Runtime {
  readonly #options: RuntimeOptions;
  readonly #metrics: RunMetrics;
  readonly #dispatcher: Dispatcher;
  readonly #models = new Map<string, Map<bigint, VersionEntry>>();
  #isClosed = false;

  /** Throws SKY_CONFIG_INVALID, SKY_CONFIG_OVERSUBSCRIBED for thread options that do not fit the cores. */
  constructor(options: RuntimeOptions) {
    const { clock, limits, cores } = options;
    planThreads(options.threads, cores);
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
      log: options.log,
      onPressure: (queue) => this.#loadedOf(queue)?.grow(),
    });
  }

  /** Makes a version known that will be loaded: until then its requests get SKY_UNAVAILABLE. */
  declare(model: string, version: bigint): void {
    const versions = this.#models.get(model) ?? new Map<bigint, VersionEntry>();
    this.#models.set(model, versions.set(version, { state: 'START', error: undefined, loaded: undefined }));
  }

  /** Loads a declared version. Resolves when it answers; a failure is kept in the status and thrown. */
  async load(model: string, version: bigint, open: () => Promise<PackageHandle>): Promise<void> {
    const entry = this.#models.get(model)?.get(version);
    if (!entry) throw new SkyliftError('SKY_INTERNAL', `version ${version} of ${model} was not declared`);
    entry.state = 'LOADING';
    try {
      entry.loaded = await this.#start(model, version, await open());
      entry.state = 'AVAILABLE';
    } catch (error) {
      entry.error = toSkyliftError(error);
      entry.state = 'END';
      throw entry.error;
    }
  }

  submit(request: RunRequest, sink: RunSink): RunHandle {
    try {
      if (this.#isClosed) throw new SkyliftError('SKY_DRAINING', `model ${request.model}: it was closed`);
      const entry = this.#entry(request.model, request.version);
      return this.#dispatcher.submit(prepareRequest(request, entry.servable, entry.queue), sink);
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
    return [...this.#models].map(([name, versions]) => ({
      name,
      versions: [...versions].map(([version, { state, error }]) => ({ version, state, error })),
    }));
  }

  /** Versions that should answer and do not, as `name@version`. */
  notReady(): string[] {
    return [...this.#models].flatMap(([name, versions]) =>
      [...versions].filter(([, entry]) => !entry.loaded?.isReady).map(([version]) => `${name}@${version}`),
    );
  }

  report(): VersionReport[] {
    return [...this.#models].flatMap(([model, versions]) =>
      [...versions].flatMap(([version, { loaded }]) => {
        const { curve = [], maxRows = 1, crowdRows = 1 } = loaded?.measured ?? {};
        return loaded ? [{ model, version, engines: loaded.engines(), curve, maxRows, crowdRows }] : [];
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
    const loaded = [...this.#models.values()].flatMap((versions) =>
      [...versions.values()].flatMap((entry) => entry.loaded ?? []),
    );
    for (const version of loaded) this.#dispatcher.closeQueue(version.queue, 'SKY_DRAINING');
    await Promise.all(loaded.map((version) => version.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(model: string, version: bigint, pkg: PackageHandle): Promise<LoadedVersion> {
    const { launcher, clock, rng, log, limits, threads, cores } = this.#options;
    const environment = {
      launcher,
      clock,
      rng,
      log,
      limits,
      dispatcher: this.#dispatcher,
      plan: planThreads(threads, cores),
    };
    const loaded = new LoadedVersion(createServable(model, version, pkg.manifest), pkg, environment);
    try {
      await loaded.start();
    } catch (error) {
      await loaded.close();
      throw error;
    }
    return loaded;
  }

  #entry(model: string, selector: VersionSelector): LoadedVersion {
    const versions = this.#models.get(model);
    if (selector.kind === 'label') throw versionNotFound(model, selector);
    const entry = selector.kind === 'latest' ? latestOf(versions) : versions?.get(selector.version);
    if (entry?.loaded) return entry.loaded;
    if (entry && isOnItsWay(entry)) {
      throw new SkyliftError('SKY_UNAVAILABLE', `model ${model} is loading`, {
        details: { retryAfterMs: RETRY_WHILE_LOADING_MS },
      });
    }
    throw versionNotFound(model, selector);
  }

  #loadedOf(queue: string): LoadedVersion | undefined {
    for (const versions of this.#models.values()) {
      for (const { loaded } of versions.values()) if (loaded?.queue === queue) return loaded;
    }
    return undefined;
  }
}

/** The highest version that answers, else one that is on its way. On the path of every request: no allocation. */
function latestOf(versions: ReadonlyMap<bigint, VersionEntry> | undefined): VersionEntry | undefined {
  let latest: VersionEntry | undefined;
  let latestVersion = -1n;
  let loading: VersionEntry | undefined;
  for (const [version, entry] of versions ?? []) {
    if (entry.loaded && version > latestVersion) [latest, latestVersion] = [entry, version];
    if (isOnItsWay(entry)) loading = entry;
  }
  return latest ?? loading;
}

function isOnItsWay(entry: VersionEntry): boolean {
  return entry.state === 'START' || entry.state === 'LOADING';
}
