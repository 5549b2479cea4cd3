/** Keeps a number of engines alive, each with the same package loaded, and starts those that end again. */
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Rng } from '../../core/random.ts';
import type { Engine, EngineLauncher, ExitReport, LoadSpec, Session } from '../port.ts';
import { RESPAWN_HISTORY, nextRespawnDelayMs } from './respawn-delay.ts';

export interface EnginePoolOptions {
  readonly launcher: EngineLauncher;
  readonly spec: LoadSpec;
  /** RLIMIT_DATA of each engine in bytes. */
  readonly memoryBytes: number;
  /** Number of engines to begin with. */
  readonly size: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly limits: Limits;
  /** A session is ready. `id` is new for each session and means it in `kill` and `onDown`. */
  readonly onUp: (session: Session, id: number) => void;
  /** The session's engine has ended, also by `close()`; none of its sinks is called any more. */
  readonly onDown: (id: number, report: ExitReport) => void;
}

/** A place for one engine. */
interface Slot {
  /** Times of crashes and failed starts, oldest first. */
  history: number[];
  timer: TimerHandle | undefined;
}

export class EnginePool {
  readonly #options: EnginePoolOptions;
  readonly #slots: Slot[];
  /** Engines that run, with their ids once they are loaded. */
  readonly #engines = new Map<Engine, number | undefined>();
  /** Starts under way. */
  readonly #starts = new Set<Promise<void>>();
  #nextId = 1;
  #isClosed = false;

  constructor(options: EnginePoolOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.size }, emptySlot);
  }

  /** Number of engines that the pool keeps alive. */
  get size(): number {
    return this.#slots.length;
  }

  /** Process ids of the engines that are loaded. */
  pids(): number[] {
    return [...this.#engines].filter(([, id]) => id !== undefined).map(([engine]) => engine.pid);
  }

  /** Resolves when the first engine is up; the others follow. Rejects as launch and load do, and nothing runs then. */
  async start(): Promise<void> {
    const [first, ...others] = this.#slots;
    if (!first) throw new SkyliftError('SKY_CONFIG_INVALID', `a pool of ${this.#options.size} engines`);
    await this.#track(this.#fill(first));
    for (const slot of others) this.#refill(slot);
  }

  /** Starts more engines, up to `size`. Smaller sizes change nothing. */
  grow(size: number): void {
    while (this.#slots.length < size) {
      const slot = emptySlot();
      this.#slots.push(slot);
      this.#refill(slot);
    }
  }

  /** Ends the engine of a session; a new one is started. Unknown ids are ignored. */
  kill(id: number, reason: string): void {
    for (const [engine, its] of this.#engines) if (its === id) engine.kill(reason);
  }

  /** Ends all engines in order and waits for them. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { timer } of this.#slots) if (timer) this.#options.clock.clear(timer);
    await Promise.all([...this.#engines.keys()].map((engine) => engine.close()));
    await Promise.allSettled(this.#starts);
  }

  /** Starts an engine in the slot, now or after the pause that its history asks for. */
  #refill(slot: Slot): void {
    if (this.#isClosed) return;
    const { clock, rng, limits, log } = this.#options;
    const now = clock.nowMs();
    const delayMs = nextRespawnDelayMs(slot.history, now, rng, limits);
    slot.timer = clock.setTimer(now + delayMs, () => {
      slot.timer = undefined;
      void this.#track(this.#fill(slot)).catch((error: unknown) => {
        const failure = toSkyliftError(error);
        log('warn', 'engine did not start', { code: failure.code, reason: failure.message });
        this.#failed(slot);
      });
    });
  }

  #failed(slot: Slot): void {
    slot.history = [...slot.history, this.#options.clock.nowMs()].slice(-RESPAWN_HISTORY);
    this.#refill(slot);
  }

  async #fill(slot: Slot): Promise<void> {
    const { launcher, spec, memoryBytes, onUp } = this.#options;
    const engine = await launcher.launch({ memoryBytes });
    this.#engines.set(engine, undefined);
    try {
      if (this.#isClosed) throw new SkyliftError('SKY_UNAVAILABLE', 'the engines are being closed');
      const session = await engine.load(spec);
      const id = this.#nextId++;
      this.#engines.set(engine, id);
      void engine.exited.then((report) => this.#ended(slot, engine, report));
      onUp(session, id);
    } catch (error) {
      await engine.close();
      this.#engines.delete(engine);
      throw error;
    }
  }

  #ended(slot: Slot, engine: Engine, report: ExitReport): void {
    const id = this.#engines.get(engine);
    this.#engines.delete(engine);
    if (id !== undefined) this.#options.onDown(id, report);
    this.#failed(slot);
  }

  /** Remembers a start, so that `close` can wait for it. */
  async #track(start: Promise<void>): Promise<void> {
    this.#starts.add(start);
    try {
      await start;
    } finally {
      this.#starts.delete(start);
    }
  }
}

function emptySlot(): Slot {
  return { history: [], timer: undefined };
}
