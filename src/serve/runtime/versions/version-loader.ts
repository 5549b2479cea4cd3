/** Does what the versions of a model want done, with engine processes: opens packages, starts engines, drains and ends them. */
import type { Clock } from '../../../core/clock.ts';
import { toSkyliftError } from '../../../core/errors.ts';
import type { SkyliftError } from '../../../core/errors.ts';
import { LoadedVersion } from '../loaded-version.ts';
import type { VersionEnvironment } from '../loaded-version.ts';
import { createServable } from '../servable.ts';
import type { FoundVersion } from '../sources/model-source.ts';
import { LoadSlots } from './load-slots.ts';
import type { VersionWork } from './version-work.ts';

export class VersionLoader {
  readonly #environment: VersionEnvironment;
  readonly #slots: LoadSlots;
  /** All that have engines, also those that do not answer yet or any more. */
  readonly #running = new Set<LoadedVersion>();

  constructor(environment: VersionEnvironment) {
    this.#environment = environment;
    this.#slots = new LoadSlots(environment.limits.max_parallel_loads);
  }

  /** The work for the versions of one model. */
  workFor(model: string): VersionWork<FoundVersion, LoadedVersion> {
    return {
      look: (found, done) =>
        void tell(
          found.look().catch(() => undefined),
          done,
        ),
      load: (found, revision, done) =>
        void tell(this.#slots.run(() => this.#load(model, found, revision)).catch(toSkyliftError), done),
      unload: (_, loaded, done) => void tell(this.#unload(loaded), done),
    };
  }

  loadedOf(queue: string): LoadedVersion | undefined {
    for (const version of this.#running) if (version.queue === queue) return version;
    return undefined;
  }

  /** Ends all engines; requests that wait are rejected with SKY_DRAINING. */
  async close(): Promise<void> {
    this.#slots.close();
    const running = [...this.#running];
    for (const { queue } of running) this.#environment.dispatcher.closeQueue(queue, 'SKY_DRAINING');
    await Promise.all(running.map((version) => version.close()));
  }

  async #load(
    model: string,
    found: FoundVersion,
    revision: string,
  ): Promise<LoadedVersion | SkyliftError | 'changed'> {
    const opened = await found.open().catch(toSkyliftError);
    if ((await found.look())?.revision !== revision) return 'changed';
    if (!('manifest' in opened)) return opened;
    const loaded = new LoadedVersion(
      createServable(model, found.version, opened.manifest),
      opened,
      this.#environment,
    );
    this.#running.add(loaded);
    try {
      await loaded.start();
      return loaded;
    } catch (error) {
      await this.#end(loaded);
      throw error;
    }
  }

  /** What has begun is finished, for as long as the limit allows. */
  async #unload(loaded: LoadedVersion): Promise<void> {
    const { clock, dispatcher, limits } = this.#environment;
    await untilEmpty(clock, limits.unload_drain_ms, (done) => dispatcher.whenEmpty(loaded.queue, done));
    dispatcher.closeQueue(loaded.queue, 'SKY_UNAVAILABLE');
    await this.#end(loaded);
  }

  async #end(loaded: LoadedVersion): Promise<void> {
    await loaded.close();
    this.#running.delete(loaded);
  }
}

function untilEmpty(clock: Clock, mostMs: number, whenEmpty: (done: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = clock.setTimer(clock.nowMs() + mostMs, resolve);
    whenEmpty(() => {
      clock.clear(timer);
      resolve();
    });
  });
}

async function tell<T>(outcome: Promise<T>, done: (outcome: T) => void): Promise<void> {
  done(await outcome);
}
