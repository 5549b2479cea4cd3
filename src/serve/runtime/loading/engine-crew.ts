/**
 * A pool of equal engines with one package and its place in the dispatcher: what its sessions can do is measured on the
 * first, then all are offered; those that end are taken out, those that come back are offered again.
 */
import type { Clock } from '../../../core/clock.ts';
import type { ErrorCode } from '../../../core/error-codes.ts';
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import type { Rng } from '../../../core/random.ts';
import { EnginePool } from '../../../engines/host/engine-pool.ts';
import type { PackedForm } from '../../../engines/host/engine-pool.ts';
import type { Device, EngineLauncher, ExitReport, Session } from '../../../engines/port.ts';
import type { PackageHandle } from '../../../package/manifest.ts';
import type { Dispatcher } from '../scheduling/dispatcher.ts';
import type { QueueRules, SessionOffer } from '../scheduling/scheduler-types.ts';
import { engineMemoryBytes, grownBytes } from './engine-memory.ts';
import type { Measured } from './warm-up.ts';

/** A run may take this many times the longest one seen at warm-up. */
const RUN_LIMIT_FACTOR = 10;

export interface CrewEnvironment {
  readonly device: Device;
  readonly launcher: EngineLauncher;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly limits: Limits;
  /** Told of every engine that was up. */
  readonly onEngineEnd: (model: string, kind: ExitReport['kind']) => void;
}

export interface CrewOptions {
  readonly model: string;
  /** Queue of the dispatcher that the crew works for. */
  readonly queue: string;
  readonly pkg: PackageHandle;
  readonly packed: PackedForm | undefined;
  /** What an engine of such a crew had after its warm-up, when that is known. */
  readonly warmBytes: number | undefined;
  /** Of each engine. */
  readonly threads: number;
  /** To begin with. */
  readonly engines: number;
  readonly rules: QueueRules | undefined;
  /** Says what a session of this crew can do. */
  readonly measure: (session: Session) => Promise<Measured>;
}

export class EngineCrew {
  readonly threads: number;
  readonly #options: CrewOptions;
  readonly #environment: CrewEnvironment;
  readonly #pool: EnginePool;
  /** By the pool's id of their engine. */
  readonly #sessions = new Map<number, Session>();
  /** The dispatcher's id by the pool's. */
  readonly #attached = new Map<number, number>();
  /** Monotonic milliseconds, by the pool's id. */
  readonly #startedAtMs = new Map<number, number>();
  #offer: SessionOffer | undefined;
  /** Of an engine after the warm-up, as far as files do not back it; undefined where the platform cannot tell. */
  #warmBytes: number | undefined;
  /** Told of ended engines while the first is measured. */
  #onDown: (engine: number) => void = () => {};

  constructor(options: CrewOptions, environment: CrewEnvironment) {
    this.threads = options.threads;
    this.#options = options;
    this.#environment = environment;
    this.#pool = this.#createPool();
  }

  /** Starts the engines, measures the first and offers all. Throws the load error. */
  async start(): Promise<Measured> {
    await this.#pool.start();
    const measured = await this.#measureFirst();
    this.#warmBytes = this.#options.warmBytes ?? (await this.#mostAnonymousBytes());
    this.#offer = {
      maxRows: measured.maxRows,
      crowdRows: measured.crowdRows,
      threads: this.threads,
      runLimitMs: this.#runLimitMs(measured),
      ...(this.#options.rules && { rules: this.#options.rules }),
    };
    for (const [engine, session] of this.#sessions) this.#attach(engine, session, this.#offer);
    return measured;
  }

  /** One more engine, unless there are `most`. */
  grow(most: number): void {
    if (this.#pool.size < most) this.#pool.grow(this.#pool.size + 1);
  }

  /** True when a session is offered. */
  get isReady(): boolean {
    return this.#attached.size > 0;
  }

  pids(): readonly number[] {
    return this.#pool.pids();
  }

  /** Engines that the crew keeps alive. */
  get size(): number {
    return this.#pool.size;
  }

  get warmBytes(): number | undefined {
    return this.#warmBytes;
  }

  /** There are engines that do not share their weights. */
  get isUnpacked(): boolean {
    return this.#pool.unpacked().length > 0;
  }

  /** Replaces the engines that do not share their weights, one after the other, without a failed request. */
  async repack(): Promise<void> {
    await this.#pool.whenStarted(); // they looked for the packed form before there was one
    for (const engine of this.#pool.unpacked()) await this.#replace(engine);
  }

  /** Replaces the engines that grew far beyond what they had after the warm-up, without a failed request. */
  async replaceGrown(): Promise<void> {
    const { clock, limits, log } = this.#environment;
    if (this.#warmBytes === undefined) return;
    const mostBytes = grownBytes(this.#warmBytes, limits);
    for (const [engine, session] of this.#sessions) {
      const ageMs = clock.nowMs() - (this.#startedAtMs.get(engine) ?? 0);
      if (ageMs < limits.engine_min_age_ms || !this.#attached.has(engine)) continue;
      const bytes = (await anonymousBytes(session)) ?? 0;
      if (bytes <= mostBytes || !(await this.#replace(engine))) continue;
      const { queue } = this.#options;
      log('info', 'an engine that grew was replaced', { queue, bytes, mostBytes });
    }
  }

  /** Bytes that only one engine has, of each; all that it has where the platform cannot tell. */
  async memoryBytes(): Promise<number[]> {
    const reports = await Promise.all(
      [...this.#sessions.values()].map((session) => session.memory().catch(() => undefined)), // it may end meanwhile
    );
    return reports.map((report) => report?.privateBytes ?? report?.rssBytes ?? 0);
  }

  /** Ends the engines; from now on they get no work, which they would only lose. */
  close(): Promise<void> {
    for (const session of this.#attached.values()) this.#environment.dispatcher.retire(session, () => {});
    return this.#pool.close();
  }

  #createPool(): EnginePool {
    const { launcher, device, clock, rng, log, limits, onEngineEnd } = this.#environment;
    const { model, queue, pkg, packed, threads, engines } = this.#options;
    return new EnginePool({
      launcher,
      spec: { pkg, device, threads },
      ...(packed && { packed }),
      memoryBytes: engineMemoryBytes(pkg, limits),
      size: engines,
      clock,
      rng: rng.fork(`${queue}/${threads}`),
      log,
      limits,
      onUp: (session, engine) => {
        this.#sessions.set(engine, session);
        this.#startedAtMs.set(engine, clock.nowMs());
        if (this.#offer) this.#attach(engine, session, this.#offer);
      },
      onDown: (engine, { kind }) => {
        onEngineEnd(model, kind);
        this.#detach(engine);
        this.#onDown(engine);
      },
    });
  }

  #attach(engine: number, session: Session, offer: SessionOffer): void {
    const kill = (reason: string): void => this.#pool.kill(engine, reason);
    this.#attached.set(
      engine,
      this.#environment.dispatcher.attach(this.#options.queue, session, offer, kill),
    );
  }

  /** True when another engine is up; the old one ends when it has finished what it runs. */
  async #replace(engine: number): Promise<boolean> {
    if (!(await this.#pool.replace(engine))) return false;
    const session = this.#attached.get(engine);
    if (session !== undefined)
      this.#environment.dispatcher.retire(session, () => void this.#pool.end(engine));
    return true;
  }

  async #mostAnonymousBytes(): Promise<number | undefined> {
    const sizes = await Promise.all([...this.#sessions.values()].map(anonymousBytes));
    const known = sizes.filter((size) => size !== undefined);
    return known.length > 0 ? Math.max(...known) : undefined;
  }

  #detach(engine: number): void {
    const session = this.#attached.get(engine);
    this.#sessions.delete(engine);
    this.#startedAtMs.delete(engine);
    this.#attached.delete(engine);
    if (session !== undefined) this.#environment.dispatcher.detach(session);
  }

  /** Nobody watches a warm-up run but this: an engine that hangs or dies in one fails the load. */
  #measureFirst(): Promise<Measured> {
    const { clock, limits } = this.#environment;
    const { queue, measure } = this.#options;
    const [first] = this.#sessions;
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(clock.nowMs() + limits.load_limit_ms, () =>
        fail('SKY_ENGINE_TIMEOUT', `was not done after ${limits.load_limit_ms} ms`),
      );
      const done = (): void => {
        clock.clear(timer);
        this.#onDown = () => {};
      };
      const fail = (code: ErrorCode, message: string): void => {
        done();
        reject(new SkyliftError(code, `${queue}: the engine ${message} in its first runs`));
      };
      this.#onDown = (engine) => {
        if (engine === first?.[0]) fail('SKY_ENGINE_LOST', 'ended');
      };
      if (first) measure(first[1]).then(resolve, reject).finally(done);
      else fail('SKY_ENGINE_LOST', 'ended');
    });
  }

  #runLimitMs(measured: Measured): number {
    const { run_limit_ms: fixedMs, run_limit_floor_ms: floorMs } = this.#environment.limits;
    return fixedMs || Math.max(floorMs, (RUN_LIMIT_FACTOR * measured.slowestUs) / 1000);
  }
}

/** Undefined also for an engine that ended. */
async function anonymousBytes(session: Session): Promise<number | undefined> {
  return (await session.memory().catch(() => undefined))?.anonymousBytes;
}
