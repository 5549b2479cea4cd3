/** Does what the versions of a model want done, with engine processes: opens packages, starts engines, drains and ends them. */
import type { Clock } from '../../../core/clock.ts';
import { toSkyliftError } from '../../../core/errors.ts';
import { Repeat } from '../../../core/repeat.ts';
import type { SkyliftError } from '../../../core/errors.ts';
import { LoadedVersion } from './loaded-version.ts';
import type { VersionEnvironment } from './loaded-version.ts';
import { createServable } from '../servable.ts';
import type { FoundVersion } from '../sources/model-source.ts';
import { planThreads } from './thread-plan.ts';
import type { VersionOptions } from './version-options.ts';
import { LoadSlots } from './load-slots.ts';
import { isWorthRetrying } from '../versions/retry.ts';
import { MemoryKeeper } from './memory-keeper.ts';
import type { VersionWork } from '../versions/version-work.ts';

export interface LoaderEnvironment extends Omit<VersionEnvironment, 'mayGrow' | 'recorded'> {
  /** That all engines together may use. */
  readonly cores: number;
}

export class VersionLoader {
  readonly #environment: Omit<VersionEnvironment, 'recorded'> & LoaderEnvironment;
  readonly #slots: LoadSlots;
  readonly #memory: MemoryKeeper;
  readonly #growthWatch: Repeat;
  /** All that have engines, also those that do not answer yet or any more. */
  readonly #running = new Set<LoadedVersion>();
  readonly #waking = new Set<LoadedVersion>();
  #loads = 0;

  constructor(environment: LoaderEnvironment) {
    const { clock, limits, log, dispatcher } = environment;
    this.#slots = new LoadSlots(limits.max_parallel_loads, clock);
    this.#memory = new MemoryKeeper({ clock, limits, log, isIdle: (queue) => dispatcher.isIdle(queue) });
    this.#growthWatch = new Repeat({
      clock,
      pauseMs: limits.memory_check_ms,
      run: async () => void (await Promise.all([...this.#running].map((version) => version.replaceGrown()))),
      onFailure: ({ message }) => log('error', 'the memory of engines is not watched', { reason: message }),
    });
    this.#environment = { ...environment, mayGrow: (version) => this.#memory.mayGrow(version) };
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

  /** Requests of the queue wait for native code: one more engine, if there is memory for it. */
  grow(queue: string): void {
    for (const version of this.#running) if (version.queue === queue) version.grow();
  }

  /** Somebody asked for a version without engines. Its requests wait, or get the error when it cannot be woken. */
  wake(version: LoadedVersion): void {
    if (!this.#waking.has(version)) void this.#wake(version);
  }

  /** Ends all engines; requests that wait are rejected with SKY_DRAINING. */
  async close(): Promise<void> {
    this.#slots.close();
    this.#memory.close();
    this.#growthWatch.close();
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
    const options = (await found.options?.()) ?? {};
    const servable = createServable(model, found.version, opened.manifest, options.configuration);
    const loaded = new LoadedVersion(servable, opened, {
      ...this.#environmentOf(options),
      load: ++this.#loads,
    });
    this.#running.add(loaded);
    try {
      await this.#memory.admit(loaded);
      await loaded.start();
      this.#memory.settle(loaded);
      return loaded;
    } catch (error) {
      await this.#end(loaded);
      throw error;
    }
  }

  #environmentOf({ threads, batching, recorded }: VersionOptions): VersionEnvironment {
    const environment = this.#environment;
    return {
      ...environment,
      plan: threads ? planThreads(threads, environment.cores) : environment.plan,
      batching: batching ?? environment.batching,
      recorded,
    };
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
    this.#memory.leave(loaded);
    this.#running.delete(loaded);
  }

  async #wake(version: LoadedVersion): Promise<void> {
    const { dispatcher, log, limits } = this.#environment;
    this.#waking.add(version);
    try {
      await this.#memory.admit(version);
      await retried(() => version.wake(), limits.max_attempts);
    } catch (error) {
      const { code, message } = toSkyliftError(error);
      this.#memory.leave(version);
      log('error', 'a sleeping model could not be woken', { queue: version.queue, code, reason: message });
      dispatcher.rejectWaiting(version.queue, 'SKY_ENGINE_START');
    } finally {
      this.#waking.delete(version);
    }
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

/** An engine that dies while it starts is no reason to fail those who wait for it. */
async function retried(task: () => Promise<void>, attempts: number): Promise<void> {
  for (let left = attempts - 1; ; left--) {
    try {
      return await task();
    } catch (error) {
      if (left <= 0 || !isWorthRetrying(toSkyliftError(error))) throw error;
    }
  }
}

async function tell<T>(outcome: Promise<T>, done: (outcome: T) => void): Promise<void> {
  done(await outcome);
}
