/** An engine session on the virtual clock: adds one to every int32, and may die, hang or be slow, as the seed wants. */
import { SkyliftError } from '../../src/core/errors.ts';
import type { Rng } from '../../src/core/random.ts';
import type { Capacity, EngineJob, EngineSink, MemoryReport, Session } from '../../src/engines/port.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import type { VirtualClock } from '../support/virtual-clock.ts';

const SPEC = { name: 'x', dtype: 'int32', dims: ['batch', 1] } as const;
/** Of the model that it runs. */
export const SIGNATURE = {
  program: 'model',
  method: 'predict',
  inputs: [SPEC],
  outputs: [{ ...SPEC, name: 'y' }],
} as const;

export interface SimulatedEngineOptions {
  readonly clock: VirtualClock;
  readonly rng: Rng;
  readonly maxRows: number;
  /** A defect for the negative control. */
  readonly returnsNeighboursRows: boolean;
  readonly isPoison: (job: number) => boolean;
  /** Notes a broken promise; throwing here would only reach the dispatcher under test. */
  readonly expect: (isKept: boolean, promise: string) => void;
  readonly onDispatch: (jobs: readonly number[]) => void;
  readonly onDeath: () => void;
  /** Runs in vain, dies or hangs now and then. @default true */
  readonly fails?: boolean;
  /** @default 0 */
  readonly memoryBytes?: number;
}

export class SimulatedEngine implements Session {
  readonly capacity: Capacity;
  readonly #options: SimulatedEngineOptions;
  #state: 'free' | 'busy' | 'dead' = 'free';
  #isClosing = false;
  /** Another engine took its place: it must get no more work. */
  isRetired = false;

  constructor(options: SimulatedEngineOptions) {
    this.#options = options;
    this.capacity = { kind: 'batch', maxRows: options.maxRows };
  }

  get isFree(): boolean {
    return this.#state === 'free';
  }

  dispatch(jobs: readonly EngineJob[], sink: EngineSink): void {
    const { rng, maxRows, isPoison, expect, onDispatch } = this.#options;
    expect(!this.#isClosing, 'an engine that was asked to end was given work');
    if (this.#isClosing) throw new SkyliftError('SKY_ENGINE_LOST', 'it was asked to end');
    expect(this.#state === 'free', `a ${this.#state} engine was given work`);
    expect(!this.isRetired, 'a retired engine was given work');
    expect(jobs.length > 0, 'an empty run was dispatched');
    const rows = jobs.reduce((sum, job) => sum + job.rows, 0);
    expect(rows <= maxRows || jobs.length === 1, `${rows} rows in a run of at most ${maxRows}`);
    onDispatch(jobs.map((job) => job.id));
    this.#state = 'busy';
    const ranMs = 1 + rng.float() * 10;
    const { fails = true } = this.#options;
    const fate = fails ? rng.float() : 1;
    if (jobs.some((job) => isPoison(job.id)) || fate < 0.02)
      this.#after(rng.float() * ranMs, () => this.kill('crash'));
    else if (fate > 0.01 && fate < 0.03) return; // hangs until the run limit kills it
    else this.#after(ranMs, () => this.#finish(jobs, sink, ranMs));
  }

  drop(): void {
    this.#options.expect(this.#state === 'busy', 'a job was dropped that no engine runs');
  }

  memory(): Promise<MemoryReport> {
    const { memoryBytes = 0 } = this.#options;
    return Promise.resolve({ rssBytes: memoryBytes, privateBytes: memoryBytes, anonymousBytes: memoryBytes });
  }

  unload(): Promise<void> {
    return Promise.resolve();
  }

  /** Takes no more work; as with a real engine its end is somebody else's to tell. */
  close(): void {
    this.#isClosing = true;
  }

  get isBusy(): boolean {
    return this.#state === 'busy';
  }

  kill(_reason: string): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#options.onDeath();
  }

  #after(delayMs: number, fn: () => void): void {
    const { clock } = this.#options;
    clock.setTimer(clock.nowMs() + delayMs, () => {
      if (this.#state === 'busy') fn();
    });
  }

  /** Runs the batch as one and hands each job its slice, as a real engine does. */
  #finish(jobs: readonly EngineJob[], sink: EngineSink, ranMs: number): void {
    const values = jobs.flatMap((job) => [...new Int32Array(job.inputs[0]?.bytes.slice().buffer ?? [])]);
    const outputs = Int32Array.from(values, (value) => value + 1);
    if (this.#options.returnsNeighboursRows) outputs.reverse();
    this.#state = 'free';
    let row = 0;
    for (const job of jobs) {
      const slice = outputs.slice(row, (row += job.rows));
      const output: Tensor = { dtype: 'int32', dims: [job.rows, 1], bytes: new Uint8Array(slice.buffer) };
      if (this.#options.fails !== false && this.#options.rng.float() < 0.01)
        sink.fail(job.id, new SkyliftError('SKY_ENGINE_RUN', 'refused by the simulation'));
      else sink.done(job.id, [output]);
    }
    sink.finished(
      jobs.map((job) => job.id),
      ranMs * 1000,
    );
  }
}
