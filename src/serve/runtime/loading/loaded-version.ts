/**
 * One version with its engines: warmed up and measured, widened under pressure. A crew with one thread each does the bulk;
 * where a single run gains from all cores, a wide engine stands beside it.
 */
import { isSkyliftError, SkyliftError } from '../../../core/errors.ts';
import type { Session } from '../../../engines/port.ts';
import type { WeightCache } from '../../../engines/weight-cache/weight-cache.ts';
import type { PackageHandle } from '../../../package/manifest.ts';
import { hasIndependentRows } from './batch-check.ts';
import { EngineCrew } from './engine-crew.ts';
import type { CrewEnvironment } from './engine-crew.ts';
import type { ServableVersion } from '../requests.ts';
import { PackedWeights } from './packed-weights.ts';
import { replay } from './replay.ts';
import { isWorthKeeping, isWorthSplitting } from './thread-plan.ts';
import type { ThreadPlan } from './thread-plan.ts';
import { VersionStatistics } from '../version-statistics.ts';
import type { BatchingOptions, RecordedRequests } from './version-options.ts';
import { warmUp } from './warm-up.ts';
import type { Measured } from './warm-up.ts';

export interface VersionEnvironment extends CrewEnvironment {
  readonly plan: ThreadPlan;
  /** @default engines do not share weights */
  readonly weights: WeightCache | undefined;
  readonly batching: BatchingOptions;
  /** To be run before the version is offered. @default none */
  readonly recorded: RecordedRequests | undefined;
  /** Told when they were run. */
  readonly onReplayed: (outcome: Replayed) => void;
  /** There is memory for one more engine of the version. */
  readonly mayGrow: (version: LoadedVersion) => boolean;
}

/** How a version runs, for status pages and `bench`. */
export interface EngineStatus {
  readonly pid: number;
  readonly threads: number;
}

/** What came of the recorded requests of a version. */
export interface Replayed {
  readonly model: string;
  /** Of their file. */
  readonly path: string;
  readonly records: number;
  readonly durationUs: number;
}

/** An engine process without a model, bytes. */
const ENGINE_BYTES = 64 * 1024 ** 2;
/** Memory of a loaded model relative to its files, as TensorFlow Serving estimates it. */
const WEIGHTS_FACTOR = 1.2;

interface CrewSize {
  readonly threads: number;
  readonly engines: number;
  readonly warmBytes?: number | undefined;
}

export class LoadedVersion {
  readonly servable: ServableVersion;
  readonly queue: string;
  readonly statistics = new VersionStatistics();
  readonly #pkg: PackageHandle;
  readonly #environment: VersionEnvironment;
  readonly #packed: PackedWeights | undefined;
  #crews: EngineCrew[] = [];
  #measured: Measured | undefined;
  /** The crews to start again, while there are none. */
  #asleep: readonly CrewSize[] | undefined;
  /** Engines are being started. */
  #isStarting = true;
  #isClosed = false;
  /** Bytes of one engine: as measured last, before that an estimate. */
  #engineBytes: number;
  /** Monotonic milliseconds of the last request. */
  lastUsedMs: number;

  /** @param load tells the loads of a version apart: an old one may still be drained while a new one answers */
  constructor(
    servable: ServableVersion,
    pkg: PackageHandle,
    { load, ...environment }: VersionEnvironment & { readonly load: number },
  ) {
    this.servable = servable;
    this.queue = `${servable.model}@${servable.version}/${load}`;
    this.#pkg = pkg;
    this.#environment = environment;
    const { weights: cache, device } = environment;
    if (cache && device === 'cpu') this.#packed = new PackedWeights(pkg, { ...environment, cache });
    this.lastUsedMs = environment.clock.nowMs();
    const fileBytes = pkg.manifest.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    this.#engineBytes = ENGINE_BYTES + WEIGHTS_FACTOR * fileBytes;
  }

  /** Starts engines and measures them; afterwards requests of `queue` are answered. Throws the load error. */
  async start(): Promise<void> {
    const { plan } = this.#environment;
    if (plan.kind === 'fixed') this.#measured = await this.#startCrew(plan);
    else await this.#startMeasured(plan.cores);
    await this.#weigh();
    this.#isStarting = false;
    this.#packInBackground();
  }

  /** Replaces engines that grew far beyond what they had after the warm-up. */
  async replaceGrown(): Promise<void> {
    if (this.isAwake) await Promise.all(this.#crews.map((crew) => crew.replaceGrown()));
  }

  /** Requests wait for native code: one more narrow engine, as long as there are cores without one. */
  grow(): void {
    const { plan } = this.#environment;
    if (plan.kind === 'measured' && this.#environment.mayGrow(this)) this.#crews[0]?.grow(plan.cores);
  }

  /** Answers now, or as soon as somebody asks. */
  get isReady(): boolean {
    return (
      this.isAsleep ||
      this.#crews.some((crew) => crew.isReady) ||
      (this.#isStarting && this.#measured !== undefined)
    );
  }

  /** Has no engines until somebody asks. */
  get isAsleep(): boolean {
    return this.#asleep !== undefined;
  }

  /** Has engines, and no more are on their way. */
  get isAwake(): boolean {
    return !this.isAsleep && !this.#isStarting;
  }

  /** What one engine takes. */
  get engineBytes(): number {
    return this.#engineBytes;
  }

  /** What the engines take, or took when it fell asleep. */
  get memoryBytes(): number {
    const sizes: readonly CrewSize[] = this.#asleep ?? this.#crews.map(sizeOf);
    return this.#engineBytes * Math.max(1, sumOf(sizes.map(({ engines }) => engines)));
  }

  /** Ends the engines; what was measured stays. Nobody may wait for an answer. */
  async sleep(): Promise<void> {
    const crews = this.#crews;
    this.#asleep = crews.map(sizeOf);
    this.#crews = [];
    await Promise.all(crews.map((crew) => crew.close()));
  }

  /** Starts the engines that there were, without measuring what they can do again. Throws the load error; asleep then. */
  async wake(): Promise<void> {
    const [sizes, measured] = [this.#asleep, this.#measured];
    if (!sizes || !measured) return;
    this.#asleep = undefined;
    this.#isStarting = true;
    try {
      for (const size of sizes) {
        if (this.#isClosed) throw new SkyliftError('SKY_UNAVAILABLE', `${this.queue} is being unloaded`);
        await this.#startCrew(size, async () => measured);
      }
    } catch (error) {
      await this.sleep();
      this.#asleep = sizes;
      throw error;
    } finally {
      this.#isStarting = false;
    }
    this.#packInBackground();
  }

  get measured(): Measured | undefined {
    return this.#measured;
  }

  engines(): EngineStatus[] {
    return this.#crews.flatMap((crew) => crew.pids().map((pid) => ({ pid, threads: crew.threads })));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#packed?.close(), ...this.#crews.map((crew) => crew.close())]);
  }

  async #startMeasured(cores: number): Promise<void> {
    this.#measured = await this.#startCrew({ threads: 1, engines: 1 });
    await this.#weigh();
    const narrowUs = this.#measured.curve[0]?.runUs ?? 0;
    if (isWorthSplitting(narrowUs, cores) && this.#environment.mayGrow(this))
      await this.#tryWideCrew(cores, narrowUs);
  }

  /** Right after the warm-up, when every engine has run. */
  async #weigh(): Promise<void> {
    const weights = await Promise.all(this.#crews.map((crew) => crew.memoryBytes()));
    this.#engineBytes = Math.max(...weights.flat(), 0) || this.#engineBytes;
  }

  async #tryWideCrew(cores: number, narrowUs: number): Promise<void> {
    const { log } = this.#environment;
    const { model } = this.servable;
    let isKept = false;
    try {
      const wide = await this.#startCrew({ threads: cores, engines: 1 });
      const wideUs = wide.curve[0]?.runUs ?? narrowUs;
      isKept = isWorthKeeping(narrowUs, wideUs);
      log('info', 'threads measured', { model, narrowUs, wideUs, cores, isKept });
    } catch (error) {
      log('warn', 'an engine with more threads did not start', { model, cores, reason: String(error) });
    }
    if (!isKept) await this.#crews.pop()?.close();
  }

  #packInBackground(): void {
    const { log } = this.#environment;
    this.#pack().catch((error: unknown) =>
      log('error', 'engines could not be exchanged for those that share weights', {
        model: this.servable.model,
        reason: String(error),
      }),
    );
  }

  /** The version answers already: now there is time to make what its engines can share, and to let them share it. */
  async #pack(): Promise<void> {
    const isWanted = (): boolean =>
      !this.#isClosed && this.#crews.some((crew) => crew.isUnpacked) && this.#environment.mayGrow(this);
    if (!this.#packed || !isWanted() || !(await this.#packed.build())) return;
    for (const crew of this.#crews) if (isWanted()) await crew.repack();
    if (!this.#isClosed && this.isAwake) await this.#weigh();
  }

  async #startCrew(
    { threads, engines, warmBytes }: CrewSize,
    measure = (session: Session): Promise<Measured> => this.#tryOut(session),
  ): Promise<Measured> {
    const crew = new EngineCrew(
      {
        model: this.servable.model,
        queue: this.queue,
        pkg: this.#pkg,
        packed: this.#packed,
        threads,
        engines,
        warmBytes,
        measure,
        rules: this.#environment.batching.rules,
      },
      this.#environment,
    );
    this.#crews.push(crew);
    return crew.start();
  }

  /** What it can do; afterwards what was recorded, whose failure is that of the load. */
  async #tryOut(session: Session): Promise<Measured> {
    const measured = await this.#measure(session);
    const { recorded, clock, onReplayed } = this.#environment;
    if (!recorded) return measured;
    const startedAtMs = clock.nowMs();
    const records = await replay(session, this, recorded);
    if (this.#measured === undefined) {
      const durationUs = Math.round((clock.nowMs() - startedAtMs) * 1000);
      onReplayed({ model: this.servable.model, path: recorded.path, records, durationUs });
    }
    return measured;
  }

  /** Measures the first signature; a model that does not run on made-up inputs is served row by row. */
  async #measure(session: Session): Promise<Measured> {
    const { clock, limits, log, batching } = this.#environment;
    const [first] = Object.keys(this.#pkg.manifest.signatures);
    const { name: signatureName, signature } = this.servable.signature(first);
    try {
      const isBatched = await this.#areRowsIndependent(session);
      const { max_batch_rows: mostRows, warmup_budget_ms: budgetMs } = limits;
      const maxRows = Math.min(mostRows, batching.maxRows ?? mostRows);
      return await warmUp(session, { signatureName, signature, isBatched, maxRows, budgetMs, clock });
    } catch (error) {
      if (isSkyliftError(error) && error.code === 'SKY_ENGINE_LOST') throw error;
      const reason = String(error);
      log('warn', 'warm-up failed; requests run one by one', { model: this.servable.model, reason });
      return { curve: [], maxRows: 1, crowdRows: 1, slowestUs: 0 };
    }
  }

  /** Of every signature: they share the sessions and so the size of a run. */
  async #areRowsIndependent(session: Session): Promise<boolean> {
    const { rng, log } = this.#environment;
    const { programs, signatures } = this.#pkg.manifest;
    for (const [name, signature] of Object.entries(signatures)) {
      if (programs[signature.program]?.batchAxis !== 0) return false;
      if (await hasIndependentRows(session, name, signature, rng.fork(this.queue))) continue;
      log('warn', 'rows of a batch change each other; requests run one by one', {
        model: this.servable.model,
      });
      return false;
    }
    return true;
  }
}

function sizeOf({ threads, size, warmBytes }: EngineCrew): CrewSize {
  return { threads, engines: size, warmBytes };
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, each) => sum + each, 0);
}
