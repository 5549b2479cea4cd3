/** Keeps the engines of all models within the memory that they may take together: sends versions to sleep that nobody needs. */
import type { Clock } from '../../../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import { Repeat } from '../../../core/repeat.ts';
import { formatBytes } from '../../../core/units.ts';
import type { LoadedVersion } from './loaded-version.ts';
import { makeRoom } from './make-room.ts';
import type { Resident, Room } from './make-room.ts';

export interface MemoryKeeperOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  /** No request waits for the queue or runs. */
  readonly isIdle: (queue: string) => boolean;
}

/** Pause between two looks whether others are idle by now. */
const BUSY_PAUSE_MS = 50;
/** Looks for idle versions per time that they may be idle. */
const LOOKS_PER_IDLE_TIME = 4;

export class MemoryKeeper {
  readonly #options: MemoryKeeperOptions;
  /** Versions with engines, also those whose engines are being started. */
  readonly #awake = new Set<LoadedVersion>();
  /** Bytes of engines that were told to end and have not. */
  readonly #leaving = new Set<Resident<LoadedVersion>>();
  readonly #idleWatch: Repeat;

  constructor(options: MemoryKeeperOptions) {
    this.#options = options;
    const { clock, limits } = options;
    this.#idleWatch = new Repeat({
      clock,
      pauseMs: Math.ceil(limits.idle_unload_ms / LOOKS_PER_IDLE_TIME),
      run: () => this.#sleepUnused(),
      onFailure: this.#onFailure,
    });
  }

  /**
   * Resolves when the engines of the version may be started, after others gave their memory back.
   * Throws SKY_MODEL_TOO_LARGE, SKY_OVERLOADED when the others stay in use.
   */
  async admit(version: LoadedVersion): Promise<void> {
    const room = await this.#free(version.memoryBytes, () => this.#awake.add(version)); // at once: whoever asks next counts it
    if (room === 'never') throw this.#tooLarge(version);
    if (room === 'busy') throw this.#noRoom(version);
  }

  /** Sends versions to sleep until there are so many bytes, and waits for others to be idle as long as a load may take. */
  async #free(bytes: number, take = (): void => {}): Promise<Room<LoadedVersion>['kind']> {
    const { clock, limits } = this.#options;
    const givesUpAtMs = clock.nowMs() + limits.load_limit_ms;
    for (;;) {
      const room = makeRoom(bytes, this.#residents(), limits.model_memory_bytes);
      if (room.kind === 'room') {
        take();
        await this.#sleep(room.sleepers);
      }
      if (room.kind !== 'busy' || clock.nowMs() >= givesUpAtMs) return room.kind;
      await new Promise<void>((resolve) => clock.setTimer(clock.nowMs() + BUSY_PAUSE_MS, resolve));
    }
  }

  /** Whether the version may start one more engine now. */
  mayGrow(version: LoadedVersion): boolean {
    const { model_memory_bytes: budgetBytes } = this.#options.limits;
    const room = makeRoom(version.engineBytes, this.#residents(), budgetBytes);
    return room.kind === 'room' && room.sleepers.length === 0;
  }

  /**
   * After its engines were measured: what they take beyond the estimate others give back, those that can.
   * Throws SKY_MODEL_TOO_LARGE: what does not fit alone could never be woken again.
   */
  settle(version: LoadedVersion): void {
    const { model_memory_bytes: budgetBytes } = this.#options.limits;
    if (budgetBytes > 0 && version.memoryBytes > budgetBytes) throw this.#tooLarge(version);
    this.#free(0).catch(this.#onFailure);
  }

  /** The version has no engines any more. */
  leave(version: LoadedVersion): void {
    this.#awake.delete(version);
  }

  close(): void {
    this.#idleWatch.close();
  }

  #residents(): Resident<LoadedVersion>[] {
    const { isIdle } = this.#options;
    const awake = [...this.#awake].map((version) => ({
      version,
      bytes: version.memoryBytes,
      lastUsedMs: version.lastUsedMs,
      isIdle: version.isAwake && isIdle(version.queue),
    }));
    return [...awake, ...this.#leaving];
  }

  readonly #onFailure = (failure: unknown): void => {
    const { message } = toSkyliftError(failure);
    this.#options.log('error', 'an idle model could not be unloaded', { reason: message });
  };

  async #sleepUnused(): Promise<void> {
    const { clock, limits } = this.#options;
    const unusedSinceMs = clock.nowMs() - limits.idle_unload_ms;
    const unused = this.#residents().filter(
      ({ isIdle, lastUsedMs }) => isIdle && lastUsedMs <= unusedSinceMs,
    );
    await this.#sleep(unused.map(({ version }) => version));
  }

  async #sleep(versions: readonly LoadedVersion[]): Promise<void> {
    for (const version of versions) this.#awake.delete(version); // at once: whoever asks next does not choose it again
    await Promise.all(versions.map((version) => this.#endEngines(version)));
  }

  /** Their memory is not free before they have ended. */
  async #endEngines(version: LoadedVersion): Promise<void> {
    const { servable, memoryBytes: bytes, lastUsedMs } = version;
    const leaving = { version, bytes, lastUsedMs, isIdle: false };
    this.#leaving.add(leaving);
    this.#options.log('info', 'a model that nobody asks for gives its memory back', {
      model: servable.model,
      version: String(servable.version),
      bytes,
    });
    try {
      await version.sleep();
    } finally {
      this.#leaving.delete(leaving);
    }
  }

  #tooLarge({ servable, memoryBytes }: LoadedVersion): SkyliftError {
    const { model_memory_bytes: budgetBytes } = this.#options.limits;
    return new SkyliftError(
      'SKY_MODEL_TOO_LARGE',
      `model ${servable.model} needs about ${formatBytes(memoryBytes)}, all models together may take ${formatBytes(budgetBytes)} (--model_memory_bytes)`,
    );
  }

  #noRoom({ servable, memoryBytes }: LoadedVersion): SkyliftError {
    return new SkyliftError(
      'SKY_OVERLOADED',
      `model ${servable.model} needs about ${formatBytes(memoryBytes)}, which other models in use take (--model_memory_bytes)`,
    );
  }
}
