/**
 * A whole serving world on a virtual clock: callers that come in bursts, cancel and have deadlines, engines that are slow,
 * die, hang and come back, models that are unloaded. The dispatcher and the scheduler under it are the real ones.
 */
import assert from 'node:assert/strict';
import { seededRng } from '../../src/core/random.ts';
import type { Rng } from '../../src/core/random.ts';
import { silentLog } from '../../src/core/log.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { Dispatcher } from '../../src/serve/runtime/scheduling/dispatcher.ts';
import type { PreparedJob } from '../../src/serve/runtime/scheduling/dispatcher.ts';
import { Quarantine } from '../../src/serve/runtime/scheduling/quarantine.ts';
import { ANONYMOUS, LATEST } from '../../src/serve/runtime/requests.ts';
import { RunMetrics } from '../../src/serve/runtime/run-metrics.ts';
import { createScheduler } from '../../src/serve/runtime/scheduling/scheduler.ts';
import type {
  QueueRules,
  Scheduler,
  SchedulerLimits,
} from '../../src/serve/runtime/scheduling/scheduler-types.ts';
import { VersionStatistics } from '../../src/serve/runtime/version-statistics.ts';
import type { SkyliftError } from '../../src/core/errors.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { Dice } from './dice.ts';
import { SIGNATURE, SimulatedEngine } from './simulated-engine.ts';

/** A deadline that no caller should have to wait for: the world's work is done much sooner. */
const GENEROUS_MS = 20_000;
/** Time from the end of an engine's work to the end of its process. */
const ENDING_MS = 15;
/** Far above what any legal world needs. */
const MAX_EVENTS = 50_000;

/** What one caller sent and got. */
export interface Caller {
  readonly id: number;
  readonly rows: number;
  readonly deadlineAtMs: number;
  readonly isGenerous: boolean;
  readonly isPoison: boolean;
  isCancelled: boolean;
  outcome:
    | { kind: 'done'; outputs: ReadonlyMap<string, Tensor> }
    | { kind: 'fail'; error: SkyliftError }
    | undefined;
}

/** Deliberate defects: each must be noticed, or the simulation proves nothing. */
export type Defect = 'none' | 'rows of a neighbour' | 'lost deaths' | 'work after the deadline';

export interface WorldReport {
  readonly callers: number;
  readonly done: number;
  readonly failed: ReadonlyMap<string, number>;
  readonly engineDeaths: number;
  readonly events: number;
}

/** Runs the world of `seed` to its end and checks every promise. Throws on the first broken one. */
export function runWorld(seed: number, defect: Defect = 'none'): WorldReport {
  return new World(seed, defect).run();
}

interface LivingEngine {
  readonly model: string;
  readonly session: number;
  readonly engine: SimulatedEngine;
}

class World {
  readonly clock = new VirtualClock();
  readonly rng: Rng;
  readonly #dice: Dice;
  readonly #defect: Defect;
  readonly #dispatcher: Dispatcher;
  readonly #callers: Caller[] = [];
  readonly #limits: SchedulerLimits;
  readonly #models: readonly string[];
  readonly #broken: string[] = [];
  readonly #statistics = new VersionStatistics();
  readonly #living = new Map<number, LivingEngine>();
  #engineDeaths = 0;

  constructor(seed: number, defect: Defect) {
    this.rng = seededRng(seed);
    this.#dice = new Dice(this.rng);
    this.#defect = defect;
    this.#limits = {
      cores: this.#dice.int(1, 4),
      queueMaxJobs: this.#dice.int(4, 64),
      queueMaxWaitMs: this.#mostWaitMs(),
      maxAttempts: 3,
      poisonKills: 2,
      runMaxBytes: this.#dice.int(1, 100),
    };
    this.#models = ['a', 'b', 'c'].slice(0, this.#dice.int(1, 3));
    const { clock } = this;
    this.#dispatcher = new Dispatcher({
      scheduler: this.#scheduler(),
      clock,
      quarantine: new Quarantine({ clock, entries: 4, durationMs: 1000, digest: (parts) => parts.join('|') }),
      metrics: new RunMetrics(noMetrics),
      log: silentLog,
      onPressure: () => {},
    });
  }

  run(): WorldReport {
    for (const model of this.#models) this.#startModel(model);
    const callers = this.#dice.int(20, 120);
    for (let i = 0; i < callers; i++) this.#plan(this.#dice.int(0, 400), () => this.#call());
    if (this.#dice.chance(0.3)) this.#plan(this.#dice.int(0, 500), () => this.#unload());
    this.#planFailedWakeUp();
    this.#planReplacements();
    const events = this.clock.run(MAX_EVENTS);
    return this.#check(events);
  }

  #scheduler(): Scheduler {
    const real = createScheduler(this.#limits);
    return {
      hasRoom: (queue, asking) => real.hasRoom(queue, asking),
      waiting: (queue) => real.waiting(queue),
      retryAfterMs: (queue) => real.retryAfterMs(queue),
      step: (event) => {
        if (this.#defect === 'lost deaths' && event.kind === 'down') return [];
        if (this.#defect !== 'work after the deadline' || event.kind !== 'arrive') return real.step(event);
        return real.step({ ...event, job: { ...event.job, deadlineAtMs: event.job.deadlineAtMs + 20 } });
      },
    };
  }

  #startModel(model: string): void {
    const engines = this.#dice.int(1, 3);
    for (let i = 0; i < engines; i++) this.#plan(this.#dice.int(0, 50), () => this.#startEngine(model));
  }

  #startEngine(model: string, replaces?: LivingEngine): void {
    const maxRows = this.#dice.int(1, 16);
    const crowdRows = maxRows + this.#dice.int(0, 8);
    const threads = this.#dice.int(1, this.#limits.cores);
    const offer = { maxRows, crowdRows, threads, runLimitMs: 60, rules: this.#rulesOf(model) };
    const engine = new SimulatedEngine({
      clock: this.clock,
      rng: this.rng,
      maxRows: crowdRows,
      returnsNeighboursRows: this.#defect === 'rows of a neighbour',
      isPoison: (id) => this.#callers[id - 1]?.isPoison === true,
      expect: this.#expect,
      onDispatch: (ids) => this.#checkDispatch(ids),
      onDeath: () => this.#buryEngine(model, session),
    });
    const session = this.#dispatcher.attach(model, engine, offer, (reason) => engine.kill(reason));
    this.#living.set(session, { model, session, engine });
    if (replaces) this.#retire(replaces);
  }

  /** Ends when it has finished what it runs, and no caller may notice. */
  #retire({ session, engine }: LivingEngine): void {
    engine.isRetired = true;
    this.#dispatcher.retire(session, () => {
      this.#expect(engine.isFree, 'an engine was ended in the middle of a run');
      this.#living.delete(session);
      this.#plan(ENDING_MS, () => this.#dispatcher.detach(session));
    });
  }

  /** Drawn apart, so that the worlds of old seeds stay what they were. */
  #planReplacements(): void {
    const rng = this.rng.fork('replacements');
    if (rng.float() > 0.3) return;
    for (let i = rng.u32() % 4; i >= 0; i--)
      this.#plan(rng.u32() % 500, () => {
        const candidates = [...this.#living.values()].filter(({ engine }) => !engine.isRetired);
        const old = candidates[rng.u32() % Math.max(1, candidates.length)];
        if (old) this.#startEngine(old.model, old);
      });
  }

  /** The same for all engines of a model; most have none. Drawn apart, as the failed wake-up is. */
  #rulesOf(model: string): QueueRules {
    const rng = this.rng.fork(`rules of ${model}`);
    if (rng.float() > 0.3) return {};
    return {
      holdMs: rng.u32() % 20,
      ...(rng.float() < 0.5 && { maxJobs: 1 + (rng.u32() % 8) }),
      ...(rng.float() < 0.5 && { maxRows: 1 + (rng.u32() % 20) }),
    };
  }

  #buryEngine(model: string, session: number): void {
    this.#engineDeaths++;
    const isRetired = this.#living.get(session)?.engine.isRetired === true;
    this.#living.delete(session);
    this.#dispatcher.detach(session);
    if (!isRetired) this.#plan(this.#dice.int(1, 40), () => this.#startEngine(model));
  }

  /** Drawn apart, so that the worlds of old seeds stay what they were. */
  #mostWaitMs(): number {
    const rng = this.rng.fork('most wait');
    return rng.float() < 0.3 ? 1 + (rng.u32() % 100) : Infinity;
  }

  /** Of a model without engines. Drawn apart, so that the worlds of old seeds stay what they were. */
  #planFailedWakeUp(): void {
    const rng = this.rng.fork('wake-up');
    if (rng.float() > 0.1) return;
    const model = this.#models[rng.u32() % this.#models.length] ?? '';
    this.#plan(rng.u32() % 500, () => this.#dispatcher.rejectWaiting(model, 'SKY_ENGINE_START'));
  }

  #unload(): void {
    const model = this.#dice.pick(this.#models);
    this.#dispatcher.closeQueue(model, 'SKY_UNAVAILABLE');
  }

  /** Callers are numbered as they arrive, as the dispatcher numbers its jobs. */
  #call(): void {
    const id = this.#callers.length + 1;
    const timeoutMs = this.#dice.pick([5, 50, 200, GENEROUS_MS]);
    const deadlineAtMs = this.clock.nowMs() + timeoutMs;
    const caller: Caller = {
      id,
      rows: this.#dice.int(1, 5),
      deadlineAtMs,
      isGenerous: timeoutMs === GENEROUS_MS,
      isPoison: this.#dice.chance(0.02),
      isCancelled: false,
      outcome: undefined,
    };
    this.#callers.push(caller);
    let isInsideSubmit = true;
    const settle = (outcome: NonNullable<Caller['outcome']>): void => {
      this.#expect(caller.outcome === undefined, `caller ${id} was answered twice`);
      this.#expect(!caller.isCancelled, `caller ${id} was answered after its cancel`);
      this.#expect(!isInsideSubmit, 'the sink was called inside submit');
      caller.outcome = outcome;
    };
    const handle = this.#dispatcher.submit(this.#job(caller), {
      part: () => 'more',
      done: (result) => settle({ kind: 'done', outputs: result.outputs }),
      fail: (error) => settle({ kind: 'fail', error }),
    });
    isInsideSubmit = false;
    if (this.#dice.chance(0.1)) this.#plan(this.#dice.int(0, 60), () => this.#cancel(caller, handle));
  }

  #cancel(caller: Caller, handle: { cancel(): void }): void {
    if (caller.outcome) return;
    handle.cancel();
    caller.isCancelled = true;
  }

  #job({ id, rows, deadlineAtMs }: Caller): PreparedJob {
    const values = Int32Array.from({ length: rows }, (_, row) => id * 1000 + row);
    const input: Tensor = { dtype: 'int32', dims: [rows, 1], bytes: new Uint8Array(values.buffer) };
    const priority = this.#dice.chance(0.8) ? 'interactive' : 'batch';
    const retry = this.#dice.chance(0.9) ? 'idempotent' : 'never';
    const principal = this.#dice.chance(0.5)
      ? ANONYMOUS
      : { ...ANONYMOUS, id: this.#dice.pick(['t1', 't2', 't3']) };
    const model = this.#dice.pick(this.#models);
    return {
      request: {
        id: String(id),
        principal,
        model,
        version: LATEST,
        inputs: new Map(),
        params: new Map(),
        deadlineAtMs,
        priority,
        retry,
      },
      queue: model,
      version: 1n,
      signatureName: 'serving_default',
      signature: SIGNATURE,
      inputs: [input],
      rows,
      bucket: this.#dice.pick(['p', 'p', 'p', 'q', null]),
      statistics: this.#statistics,
    };
  }

  #checkDispatch(ids: readonly number[]): void {
    for (const id of ids) {
      const caller = this.#callers[id - 1];
      this.#expect(caller !== undefined, `unknown job ${id} was dispatched`);
      this.#expect(caller?.outcome === undefined, `job ${id} was dispatched after its outcome`);
      this.#expect(caller?.isCancelled === false, `job ${id} was dispatched after its cancel`);
      this.#expect(
        (caller?.deadlineAtMs ?? 0) > this.clock.nowMs(),
        `job ${id} was dispatched after its deadline`,
      );
    }
  }

  /** Broken promises are noted, not thrown: code under test may catch what its callbacks throw. */
  readonly #expect = (isKept: boolean, promise: string): void => {
    if (!isKept) this.#broken.push(`${promise}, at ${this.clock.nowMs()} ms`);
  };

  #check(events: number): WorldReport {
    assert.deepEqual(this.#broken, []);
    assert.equal(this.#dispatcher.inflight, 0, 'jobs are left in the table');
    const failed = new Map<string, number>();
    let done = 0;
    for (const caller of this.#callers) {
      if (caller.isCancelled) continue;
      assert.ok(caller.outcome, `caller ${caller.id} was never answered`);
      if (caller.outcome.kind === 'fail') {
        const { code } = caller.outcome.error;
        const isForgotten = code === 'SKY_DEADLINE_EXCEEDED' && caller.isGenerous;
        assert.equal(isForgotten, false, `caller ${caller.id} was forgotten until its generous deadline`);
        failed.set(code, (failed.get(code) ?? 0) + 1);
        continue;
      }
      done++;
      assert.equal(caller.isPoison, false, `caller ${caller.id} was answered although it ends engines`);
      assertOwnRows(caller, caller.outcome.outputs);
    }
    return { callers: this.#callers.length, done, failed, engineDeaths: this.#engineDeaths, events };
  }

  #plan(inMs: number, fn: () => void): void {
    this.clock.setTimer(this.clock.nowMs() + inMs, fn);
  }
}

/** Engines answer each value plus one. */
function assertOwnRows(caller: Caller, outputs: ReadonlyMap<string, Tensor>): void {
  const output = outputs.get('y');
  assert.ok(output, `caller ${caller.id} has no output y`);
  const bytes = output.bytes.slice();
  const actual = [...new Int32Array(bytes.buffer)];
  const expected = Array.from({ length: caller.rows }, (_, row) => caller.id * 1000 + row + 1);
  assert.deepEqual(actual, expected, `caller ${caller.id} got rows that are not its own`);
}
