/** The packed form of one version: found for its engines, made in the background once the version answers. */
import type { Clock } from '../../../core/clock.ts';
import type { SkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Rng } from '../../../core/random.ts';
import type { PackedForm } from '../../../engines/host/engine-pool.ts';
import type { EngineLauncher } from '../../../engines/port.ts';
import { packWeights } from '../../../engines/weight-cache/pack-weights.ts';
import type { WeightCache } from '../../../engines/weight-cache/weight-cache.ts';
import type { PackageHandle } from '../../../package/manifest.ts';
import { engineMemoryBytes } from './engine-memory.ts';
import { giveSameAnswers } from './same-answers.ts';

export interface PackingEnvironment {
  readonly cache: WeightCache;
  readonly launcher: EngineLauncher;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly limits: Limits;
}

export class PackedWeights implements PackedForm {
  readonly #pkg: PackageHandle;
  readonly #environment: PackingEnvironment;
  readonly #closing = new AbortController();
  #building: Promise<string | undefined> | undefined;

  constructor(pkg: PackageHandle, environment: PackingEnvironment) {
    this.#pkg = pkg;
    this.#environment = environment;
  }

  find(): Promise<string | undefined> {
    return this.#environment.cache.find(this.#pkg);
  }

  refuse(reason: SkyliftError): Promise<void> {
    return this.#environment.cache.refuse(this.#pkg, reason);
  }

  /** True when there is a packed form afterwards. Never rejects. */
  async build(): Promise<boolean> {
    const { cache } = this.#environment;
    const { signal } = this.#closing;
    this.#building = cache.build(this.#pkg, (dir) => this.#pack(dir, signal), signal);
    return (await this.#building) !== undefined;
  }

  /** Ends a build under way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#building;
  }

  #pack(dir: string, signal: AbortSignal): Promise<void> {
    const { launcher, clock, rng, limits } = this.#environment;
    const pkg = this.#pkg;
    return packWeights(
      {
        launcher,
        pkg,
        memoryBytes: engineMemoryBytes(pkg, limits),
        clock,
        limitMs: limits.load_limit_ms,
        agree: (plain, packed) => giveSameAnswers(plain, packed, pkg.manifest, rng.fork('packed')),
        signal,
      },
      dir,
    );
  }
}
