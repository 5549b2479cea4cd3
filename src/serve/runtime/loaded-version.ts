/**
 * One version with its engines: opened, warmed up and measured, attached to the dispatcher, kept alive, widened under
 * pressure. Engines of one thread do the bulk; where a single run gains from all cores, a wide engine stands beside them.
 */
import type { Clock } from '../../core/clock.ts';
import type { ErrorCode } from '../../core/error-codes.ts';
import { SkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Rng } from '../../core/random.ts';
import { EnginePool } from '../../engines/host/engine-pool.ts';
import type { EngineLauncher, Session } from '../../engines/port.ts';
import type { PackageHandle, Signature } from '../../package/manifest.ts';
import { hasIndependentRows } from './batch-check.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { ServableVersion } from './requests.ts';
import type { SessionOffer } from './scheduler-types.ts';
import { isWorthKeeping, isWorthSplitting } from './thread-plan.ts';
import type { ThreadPlan } from './thread-plan.ts';
import { warmUp } from './warm-up.ts';
import type { Measured } from './warm-up.ts';

const GiB = 1024 ** 3;
/** Data segment of an engine relative to the package: weights, their packed copy, activations. */
const MEMORY_PER_PACKAGE_BYTE = 4;
const MIN_ENGINE_MEMORY_BYTES = 4 * GiB;
/** A run may take this many times the longest one seen at warm-up. */
const RUN_LIMIT_FACTOR = 10;

export interface VersionEnvironment {
  readonly launcher: EngineLauncher;
  readonly dispatcher: Dispatcher;
  readonly plan: ThreadPlan;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly limits: Limits;
}

/** A pool of equal engines and what its sessions can do, known after the warm-up of the first. */
interface Crew {
  readonly pool: EnginePool;
  readonly threads: number;
  /** Dispatcher's session id by pool's engine id. */
  readonly attached: Map<number, number>;
  readonly sessions: Map<number, Session>;
  offer: SessionOffer | undefined;
  /** An engine has ended; watched while the first is measured. */
  onDown: (engine: number) => void;
}

/** How a version runs, for status pages and `bench`. */
export interface EngineStatus {
  readonly pid: number;
  readonly threads: number;
}

export class LoadedVersion {
  readonly servable: ServableVersion;
  readonly queue: string;
  readonly #pkg: PackageHandle;
  readonly #environment: VersionEnvironment;
  readonly #crews: Crew[] = [];
  #measured: Measured | undefined;

  constructor(servable: ServableVersion, pkg: PackageHandle, environment: VersionEnvironment) {
    this.servable = servable;
    this.queue = `${servable.model}@${servable.version}`;
    this.#pkg = pkg;
    this.#environment = environment;
  }

  /** Starts engines and measures them; afterwards requests of `queue` are answered. Throws the load error. */
  async start(): Promise<void> {
    const { plan } = this.#environment;
    if (plan.kind === 'fixed') {
      this.#measured = await this.#startCrew(plan.threads, plan.engines);
      return;
    }
    this.#measured = await this.#startCrew(1, 1);
    const narrowUs = this.#measured.curve[0]?.runUs ?? 0;
    if (isWorthSplitting(narrowUs, plan.cores)) await this.#tryWideCrew(plan.cores, narrowUs);
  }

  /** Requests wait: one more narrow engine, as long as there are cores without one. */
  grow(): void {
    const { plan } = this.#environment;
    const narrow = this.#crews[0];
    if (plan.kind === 'measured' && narrow && narrow.pool.size < plan.cores)
      narrow.pool.grow(narrow.pool.size + 1);
  }

  get isReady(): boolean {
    return this.#crews.some((crew) => crew.attached.size > 0);
  }

  get measured(): Measured | undefined {
    return this.#measured;
  }

  engines(): EngineStatus[] {
    return this.#crews.flatMap(({ pool, threads }) => pool.pids().map((pid) => ({ pid, threads })));
  }

  async close(): Promise<void> {
    await Promise.all(this.#crews.map((crew) => crew.pool.close()));
  }

  async #tryWideCrew(cores: number, narrowUs: number): Promise<void> {
    const { log } = this.#environment;
    const wide = await this.#startCrew(cores, 1);
    const wideUs = wide.curve[0]?.runUs ?? narrowUs;
    const isKept = isWorthKeeping(narrowUs, wideUs);
    log('info', 'threads measured', { model: this.servable.model, narrowUs, wideUs, cores, isKept });
    if (!isKept) await this.#crews.pop()?.pool.close();
  }

  async #startCrew(threads: number, engines: number): Promise<Measured> {
    const crew = this.#createCrew(threads, engines);
    this.#crews.push(crew);
    await crew.pool.start();
    const measured = await this.#measureFirst(crew);
    crew.offer = { maxRows: measured.maxRows, threads, runLimitMs: this.#runLimitMs(measured) };
    for (const [engine, session] of crew.sessions) this.#attach(crew, engine, session, crew.offer);
    return measured;
  }

  #createCrew(threads: number, engines: number): Crew {
    const { launcher, clock, rng, log, limits } = this.#environment;
    const crew: Crew = {
      threads,
      attached: new Map(),
      sessions: new Map(),
      offer: undefined,
      onDown: () => {},
      pool: new EnginePool({
        launcher,
        spec: { pkg: this.#pkg, device: 'cpu', threads },
        memoryBytes: limits.engine_memory_bytes || this.#memoryBytes(),
        size: engines,
        clock,
        rng: rng.fork(`${this.queue}/${threads}`),
        log,
        limits,
        onUp: (session, engine) => {
          crew.sessions.set(engine, session);
          if (crew.offer) this.#attach(crew, engine, session, crew.offer);
        },
        onDown: (engine) => {
          this.#detach(crew, engine);
          crew.onDown(engine);
        },
      }),
    };
    return crew;
  }

  // oxlint-disable-next-line max-params -- the crew's facts of one engine
  #attach(crew: Crew, engine: number, session: Session, offer: SessionOffer): void {
    const kill = (reason: string): void => crew.pool.kill(engine, reason);
    crew.attached.set(engine, this.#environment.dispatcher.attach(this.queue, session, offer, kill));
  }

  #detach(crew: Crew, engine: number): void {
    const session = crew.attached.get(engine);
    crew.sessions.delete(engine);
    crew.attached.delete(engine);
    if (session !== undefined) this.#environment.dispatcher.detach(session);
  }

  /** Nobody watches a warm-up run but this: an engine that hangs or dies in one fails the load. */
  #measureFirst(crew: Crew): Promise<Measured> {
    const { clock, limits } = this.#environment;
    const [first] = crew.sessions;
    return new Promise((resolve, reject) => {
      const fail = (code: ErrorCode, message: string): void =>
        reject(new SkyliftError(code, `${this.queue}: the engine ${message} in its first runs`));
      crew.onDown = (engine) => {
        if (engine === first?.[0]) fail('SKY_ENGINE_LOST', 'ended');
      };
      const timer = clock.setTimer(clock.nowMs() + limits.load_limit_ms, () =>
        fail('SKY_ENGINE_TIMEOUT', `was not done after ${limits.load_limit_ms} ms`),
      );
      const done = (): void => {
        clock.clear(timer);
        crew.onDown = () => {};
      };
      if (first) this.#measure(first[1]).then(resolve, reject).finally(done);
      else fail('SKY_ENGINE_LOST', 'ended');
    });
  }

  /** Measures the default signature; a model that does not run on made-up inputs is served row by row. */
  async #measure(session: Session): Promise<Measured> {
    const { clock, limits, log } = this.#environment;
    const { name: signatureName, signature } = this.servable.signature(
      Object.keys(this.#pkg.manifest.signatures)[0],
    );
    try {
      const isBatched = await this.#areRowsIndependent(session, signatureName, signature);
      const { max_batch_rows: maxRows, warmup_budget_ms: budgetMs } = limits;
      return await warmUp(session, { signatureName, signature, isBatched, maxRows, budgetMs, clock });
    } catch (error) {
      log('warn', 'warm-up failed; requests run one by one', {
        model: this.servable.model,
        reason: String(error),
      });
      return { curve: [], maxRows: 1, slowestUs: 0 };
    }
  }

  async #areRowsIndependent(session: Session, name: string, signature: Signature): Promise<boolean> {
    if (this.#pkg.manifest.programs[signature.program]?.batchAxis !== 0) return false;
    const { rng, log } = this.#environment;
    const areIndependent = await hasIndependentRows(session, name, signature, rng.fork(this.queue));
    if (!areIndependent)
      log('warn', 'rows of a batch change each other; requests run one by one', {
        model: this.servable.model,
      });
    return areIndependent;
  }

  #memoryBytes(): number {
    const packageBytes = this.#pkg.manifest.files.reduce((sum, file) => sum + file.sizeBytes, 0);
    return Math.max(MIN_ENGINE_MEMORY_BYTES, packageBytes * MEMORY_PER_PACKAGE_BYTE);
  }

  #runLimitMs(measured: Measured): number {
    const { run_limit_ms: fixedMs, run_limit_floor_ms: floorMs } = this.#environment.limits;
    return fixedMs || Math.max(floorMs, (RUN_LIMIT_FACTOR * measured.slowestUs) / 1000);
  }
}
