/** Keeps the engines of all models within the memory that they may take together: sends versions to sleep that nobody needs. */
import type { Clock } from '../../../core/clock.ts';
import { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import { Repeat } from '../../../core/repeat.ts';
import { formatBytes } from '../../../core/units.ts';
import type { LoadedVersion } from './loaded-version.ts';
import { makeRoom } from './make-room.ts';

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
  readonly #idleWatch: Repeat;

  constructor(options: MemoryKeeperOptions) {
    this.#options = options;
    const { clock, limits, log } = options;
    this.#idleWatch = new Repeat({
      clock,
      pauseMs: Math.ceil(limits.idle_unload_ms / LOOKS_PER_IDLE_TIME),
      run: () => this.#sleepUnused(),
      onFailure: ({ message }) => log('error', 'an idle model could not be unloaded', { reason: message }),
    });
  }

  /**
   * Resolves when the engines of the version may be started, after others gave their memory back.
   * Throws SKY_MODEL_TOO_LARGE, SKY_OVERLOADED when the others stay in use.
   */
  async admit(version: LoadedVersion): Promise<void> {
    const { clock, limits } = this.#options;
    const givesUpAtMs = clock.nowMs() + limits.load_limit_ms;
    for (;;) {
      const room = makeRoom(version.memoryBytes, this.#residents(), limits.model_memory_bytes);
      if (room.kind === 'room') {
        this.#awake.add(version); // at once: whoever asks next counts it
        await this.#sleep(room.sleepers);
        return;
      }
      if (room.kind === 'never') throw this.#tooLarge(version);
      if (clock.nowMs() >= givesUpAtMs) throw this.#noRoom(version);
      await new Promise<void>((resolve) => clock.setTimer(clock.nowMs() + BUSY_PAUSE_MS, resolve));
    }
  }

  /** Whether the version may start one more engine now. */
  mayGrow(version: LoadedVersion): boolean {
    const { model_memory_bytes: budgetBytes } = this.#options.limits;
    const room = makeRoom(version.engineBytes, this.#residents(), budgetBytes);
    return room.kind === 'room' && room.sleepers.length === 0;
  }

  /** After its engines were measured. Throws SKY_MODEL_TOO_LARGE: what does not fit alone could never be woken again. */
  requireFit(version: LoadedVersion): void {
    const { model_memory_bytes: budgetBytes } = this.#options.limits;
    if (budgetBytes > 0 && version.memoryBytes > budgetBytes) throw this.#tooLarge(version);
  }

  /** The version has no engines any more. */
  leave(version: LoadedVersion): void {
    this.#awake.delete(version);
  }

  close(): void {
    this.#idleWatch.close();
  }

  #residents(): Parameters<typeof makeRoom<LoadedVersion>>[1] {
    const { isIdle } = this.#options;
    return [...this.#awake].map((version) => ({
      version,
      bytes: version.memoryBytes,
      lastUsedMs: version.lastUsedMs,
      isIdle: version.isAwake && isIdle(version.queue),
    }));
  }

  async #sleepUnused(): Promise<void> {
    const { clock, limits } = this.#options;
    const unusedSinceMs = clock.nowMs() - limits.idle_unload_ms;
    const unused = this.#residents().filter(
      ({ isIdle, lastUsedMs }) => isIdle && lastUsedMs <= unusedSinceMs,
    );
    await this.#sleep(unused.map(({ version }) => version));
  }

  async #sleep(versions: readonly LoadedVersion[]): Promise<void> {
    for (const version of versions) {
      this.#awake.delete(version);
      this.#options.log('info', 'a model that nobody asks for gives its memory back', {
        model: version.servable.model,
        version: String(version.servable.version),
        bytes: version.memoryBytes,
      });
    }
    await Promise.all(versions.map((version) => version.sleep()));
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
