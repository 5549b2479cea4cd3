/**
 * Models that together need more memory than there is, on a virtual clock: callers ask for one and another, engines die,
 * take more than was thought, take their time to start and to end. The runtime is the real one down to the engine port.
 */
import assert from 'node:assert/strict';
import { resolveLimits } from '../../src/core/limits.ts';
import { silentLog } from '../../src/core/log.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { seededRng } from '../../src/core/random.ts';
import type { Rng } from '../../src/core/random.ts';
import { SkyliftError } from '../../src/core/errors.ts';
import type { Engine, EngineLauncher, ExitReport, LoadSpec } from '../../src/engines/port.ts';
import type { PackageHandle } from '../../src/package/manifest.ts';
import { ModelRuntime } from '../../src/serve/runtime/model-runtime.ts';
import { ANONYMOUS, LATEST } from '../../src/serve/runtime/requests.ts';
import type { FoundVersion } from '../../src/serve/runtime/sources/model-source.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Dice } from './dice.ts';
import { SIGNATURE, SimulatedEngine } from './simulated-engine.ts';

/** Deliberate defects: each must be noticed, or the simulation proves nothing. */
export type BudgetDefect = 'none' | 'no budget' | 'false weights' | 'never wakes';

export interface BudgetReport {
  readonly callers: number;
  readonly launches: number;
  readonly deaths: number;
  /** Engines that ended because the memory was needed, or nobody asked. */
  readonly ends: number;
}

const MiB = 1024 ** 2;
const CALLS_END_MS = 20_000;
/** Callers wait as long as a model may need until others are idle. */
const PATIENCE_MS = 60_000;
const IDLE_MS = 3_000;
const MAX_EVENTS = 200_000;

/** Runs the world of `seed` to its end and checks every promise. Throws on a broken one. */
export function runBudgetWorld(seed: number, defect: BudgetDefect = 'none'): Promise<BudgetReport> {
  return new BudgetWorld(seed, defect).run();
}

interface Model {
  readonly name: string;
  readonly fileBytes: number;
  /** What one engine really takes; the estimate before the first load knows only the files. */
  readonly engineBytes: number;
}

class BudgetWorld {
  readonly #clock = new VirtualClock();
  readonly #rng: Rng;
  readonly #dice: Dice;
  readonly #models: readonly Model[];
  readonly #budgetBytes: number;
  readonly #runtime: ModelRuntime;
  readonly #broken: string[] = [];
  /** Bytes of the engines that have a model, by process. */
  readonly #resident = new Map<number, number>();
  readonly #report = { callers: 0, launches: 0, deaths: 0, ends: 0 };
  #loaded = 0;
  /** Every model was measured, and what was estimated too low is made up for. */
  #isSettled = false;
  #answered = 0;

  constructor(seed: number, defect: BudgetDefect) {
    const rng = seededRng(seed);
    this.#rng = rng;
    this.#dice = new Dice(rng);
    this.#models = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, this.#dice.int(2, 6)).map((name) => {
      const fileBytes = this.#dice.int(20, 400) * MiB;
      return { name, fileBytes, engineBytes: this.#dice.int(64, 500) * MiB };
    });
    const needed = this.#models.map(({ fileBytes, engineBytes }) =>
      Math.max(64 * MiB + 1.2 * fileBytes, engineBytes),
    );
    const all = needed.reduce((sum, bytes) => sum + bytes, 0);
    // at least the largest fits, and the next to it does not always
    this.#budgetBytes = Math.ceil(Math.max(...needed) + rng.float() * 0.6 * (all - Math.max(...needed)));
    const limits = resolveLimits({
      model_memory_bytes: defect === 'no budget' ? 0 : this.#budgetBytes,
      idle_unload_ms: this.#dice.chance(0.5) ? IDLE_MS : 0,
      warmup_budget_ms: 50,
    });
    this.#runtime = new ModelRuntime({
      launcher: this.#launcher(defect),
      device: 'cpu',
      threads: { engines: 1, threads: 1 },
      cores: 2,
      clock: this.#clock,
      rng: rng.fork('runtime'),
      log: silentLog,
      metrics: noMetrics,
      limits,
      digest: (parts) => parts.join('|'),
    });
  }

  async run(): Promise<BudgetReport> {
    for (const model of this.#models) {
      const offered = [this.#found(model)];
      this.#runtime.wish(model.name, {
        offered,
        policy: { kind: 'latest', count: 1 },
        order: 'load-first',
      });
    }
    this.#runtime.listen(({ kind }) => {
      if (kind === 'loaded') this.#loaded++;
    });
    this.#planCalls();
    this.#plan(CALLS_END_MS + PATIENCE_MS + 10 * IDLE_MS, () => this.#end());
    await this.#clock.runAsync(MAX_EVENTS);
    assert.deepEqual(this.#broken, []);
    assert.equal(this.#answered, this.#report.callers, 'callers were never answered');
    return this.#report;
  }

  /** Bursts for one model after the other, now and then for several at once. */
  #planCalls(): void {
    for (let atMs = 0; atMs < CALLS_END_MS; atMs += this.#dice.int(100, 2000)) {
      const { name } = this.#dice.pick(this.#models);
      for (let i = this.#dice.int(1, 12); i > 0; i--)
        this.#plan(atMs + this.#dice.int(0, 300), () => this.#call(name));
    }
  }

  #call(model: string): void {
    if (this.#runtime.progress(model).kind !== 'answers') return; // still loading
    this.#report.callers++;
    const calledAtMs = this.#clock.nowMs();
    const settle = (error?: SkyliftError): void => {
      this.#answered++;
      if (error)
        this.#broken.push(`${model}: called at ${calledAtMs}, told ${error.code} at ${this.#clock.nowMs()}`);
    };
    this.#runtime.submit(
      {
        id: String(this.#report.callers),
        principal: ANONYMOUS,
        model,
        version: LATEST,
        inputs: new Map([['x', { dtype: 'int32', dims: [1, 1], bytes: new Uint8Array(4) }]]),
        params: new Map(),
        deadlineAtMs: calledAtMs + PATIENCE_MS,
        priority: 'interactive',
        retry: 'idempotent',
      },
      { part: () => 'more', done: () => settle(), fail: settle },
    );
  }

  #end(): void {
    const used = this.#usedBytes();
    const isIdleEnd = this.#runtime.report().every(({ engines }) => engines.length === 0);
    this.#expect(used === 0 || !isIdleEnd, `${used} bytes are left of engines that nobody knows`);
    this.#checkBudget();
    this.#expect(this.#isSettled, 'the budget was never kept');
    void this.#runtime.close();
  }

  #launcher(defect: BudgetDefect): EngineLauncher {
    return {
      kind: 'simulated',
      launch: async () => {
        const pid = ++this.#report.launches;
        await this.#pause(1, 40);
        return this.#engine(pid, defect);
      },
    };
  }

  #engine(pid: number, defect: BudgetDefect): Engine {
    const { promise: exited, resolve: exit } = Promise.withResolvers<ExitReport>();
    let session: SimulatedEngine | undefined;
    let hasEnded = false;
    const ended = (kind: ExitReport['kind']): void => {
      hasEnded = true;
      this.#resident.delete(pid);
      exit({ kind, reason: '', stderrTail: '' });
    };
    return {
      id: pid,
      pid,
      exited,
      load: async (spec) => {
        await this.#pause(5, 200);
        if (defect === 'never wakes' && pid > this.#models.length) await new Promise(() => {});
        if (hasEnded) throw new SkyliftError('SKY_ENGINE_LOST', 'ended while it loaded');
        const memoryBytes = this.#bytesOf(spec);
        this.#resident.set(pid, memoryBytes);
        this.#checkBudget();
        session = new SimulatedEngine({
          clock: this.#clock,
          rng: this.#rng.fork(`engine ${pid}`),
          maxRows: 128,
          returnsNeighboursRows: false,
          isPoison: () => false,
          expect: this.#expect,
          onDispatch: () => {},
          onDeath: () => ended('killed'),
          fails: false,
          memoryBytes: defect === 'false weights' ? memoryBytes / 2 : memoryBytes,
        });
        if (this.#dice.chance(0.1)) this.#dieLater(session);
        return session;
      },
      kill: () => session?.kill(''),
      close: async () => {
        this.#expect(session?.isBusy !== true, `engine ${pid} was ended in a run`);
        session?.close();
        await this.#pause(1, 60);
        this.#report.ends++;
        ended('closed');
      },
    };
  }

  #dieLater(session: SimulatedEngine): void {
    this.#plan(this.#dice.int(300, 10_000), () => {
      this.#report.deaths++;
      session.kill('');
    });
  }

  #bytesOf({ pkg }: LoadSpec): number {
    return this.#models.find(({ name }) => name === pkg.digest)?.engineBytes ?? 0;
  }

  #usedBytes(): number {
    return [...this.#resident.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  #checkBudget(): void {
    const used = this.#usedBytes();
    const fits = used <= this.#budgetBytes;
    if (this.#isSettled) this.#expect(fits, `${used / MiB} of ${this.#budgetBytes / MiB} MiB are taken`);
    else this.#isSettled = fits && this.#loaded === this.#models.length;
  }

  #found({ name, fileBytes }: Model): FoundVersion {
    return {
      version: 1n,
      look: async () => ({ revision: '', quietMs: Infinity }),
      open: async (): Promise<PackageHandle> => ({
        dir: '',
        digest: name,
        manifest: {
          schema: 1,
          engine: 'onnx',
          files: [{ path: 'model.onnx', role: 'graph', sizeBytes: fileBytes, sha256: '' }],
          programs: { model: { steps: [], batchAxis: 0 } },
          signatures: { serving_default: SIGNATURE },
          labels: {},
          lineage: [],
        },
      }),
    };
  }

  /** Broken promises are noted, not thrown: code under test may catch what its callbacks throw. */
  readonly #expect = (isKept: boolean, promise: string): void => {
    if (!isKept) this.#broken.push(`${promise}, at ${this.#clock.nowMs()} ms`);
  };

  #pause(fromMs: number, toMs: number): Promise<void> {
    return new Promise((resolve) => this.#plan(this.#dice.int(fromMs, toMs), resolve));
  }

  #plan(inMs: number, fn: () => void): void {
    this.#clock.setTimer(this.#clock.nowMs() + inMs, fn);
  }
}
