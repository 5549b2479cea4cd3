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
  /** @default the package itself is loaded */
  readonly packed?: PackedForm;
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

/** The packed form of the package, if there is one by now. */
export interface PackedForm {
  /** Its folder. Never rejects. */
  find(): Promise<string | undefined>;
  /** An engine could not load it; `find` gives undefined from now on. Never rejects. */
  refuse(reason: SkyliftError): Promise<void>;
}

/** An engine that runs. */
interface Member {
  readonly slot: Slot;
  /** Once it is loaded. */
  readonly id: number | undefined;
  readonly isPacked: boolean;
  /** Its place is given to another engine: it is not started again. */
  isLeaving: boolean;
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
  readonly #engines = new Map<Engine, Member>();
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
    return [...this.#engines].filter(([, { id }]) => id !== undefined).map(([engine]) => engine.pid);
  }

  /** Sessions that were not loaded from the packed form. */
  unpacked(): number[] {
    return [...this.#engines.values()].flatMap(({ id, isPacked }) =>
      isPacked || id === undefined ? [] : [id],
    );
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
    this.#find(id)?.[0].kill(reason);
  }

  /**
   * Starts another engine in the place of a session's; true when it is up. The old one goes on until `end`, but is not
   * started again. False when the id is unknown or no other came up: then all is as before.
   */
  async replace(id: number): Promise<boolean> {
    const [engine, member] = this.#find(id) ?? [];
    if (!engine || !member || member.isLeaving || this.#isClosed) return false;
    member.isLeaving = true;
    try {
      await this.#track(this.#fill(member.slot));
      return true;
    } catch (error) {
      if (this.#isClosed) return false;
      this.#tellFailedStart(error);
      member.isLeaving = false;
      if (!this.#engines.has(engine)) this.#failed(member.slot); // it ended meanwhile
      return false;
    }
  }

  /** Resolves when the starts under way have succeeded or failed. */
  async whenStarted(): Promise<void> {
    await Promise.allSettled(this.#starts);
  }

  /** Ends the engine of a session that was replaced. Unknown ids are ignored. */
  async end(id: number): Promise<void> {
    await this.#find(id)?.[0].close();
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
    const { clock, rng, limits } = this.#options;
    const now = clock.nowMs();
    const delayMs = nextRespawnDelayMs(slot.history, now, rng, limits);
    slot.timer = clock.setTimer(now + delayMs, () => {
      slot.timer = undefined;
      void this.#track(this.#fill(slot)).catch((error: unknown) => {
        this.#tellFailedStart(error);
        this.#failed(slot);
      });
    });
  }

  #tellFailedStart(error: unknown): void {
    const { code, message } = toSkyliftError(error);
    this.#options.log('warn', 'engine did not start', { code, reason: message });
  }

  #find(id: number): [Engine, Member] | undefined {
    return [...this.#engines].find(([, member]) => member.id === id);
  }

  #failed(slot: Slot): void {
    slot.history = [...slot.history, this.#options.clock.nowMs()].slice(-RESPAWN_HISTORY);
    this.#refill(slot);
  }

  async #fill(slot: Slot): Promise<void> {
    const { launcher, packed, memoryBytes } = this.#options;
    const finding = packed?.find(); // reads while the process starts
    const engine = await launcher.launch({ memoryBytes });
    const starting = { slot, id: undefined, isPacked: false, isLeaving: false };
    this.#engines.set(engine, starting);
    const dir = await finding;
    try {
      this.#requireOpen();
      this.#welcome(engine, slot, await this.#load(engine, dir), dir !== undefined);
    } catch (error) {
      await engine.close();
      this.#engines.delete(engine);
      if (dir === undefined || this.#isClosed) throw error;
      await packed?.refuse(toSkyliftError(error));
      return this.#fill(slot);
    }
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new SkyliftError('SKY_UNAVAILABLE', 'the engines are being closed');
  }

  #load(engine: Engine, dir: string | undefined): Promise<Session> {
    const { spec } = this.#options;
    return engine.load(dir === undefined ? spec : { ...spec, packed: { dir, use: 'read' } });
  }

  #welcome(engine: Engine, slot: Slot, session: Session, isPacked: boolean): void {
    const id = this.#nextId++;
    this.#engines.set(engine, { slot, id, isPacked, isLeaving: false });
    void engine.exited.then((report) => this.#ended(engine, report));
    this.#options.onUp(session, id);
  }

  #ended(engine: Engine, report: ExitReport): void {
    const member = this.#engines.get(engine);
    this.#engines.delete(engine);
    if (member?.id === undefined) return;
    this.#options.onDown(member.id, report);
    if (!member.isLeaving) this.#failed(member.slot);
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
