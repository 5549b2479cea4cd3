/**
 * Carries out what the scheduler decides: keeps the jobs with their tensors and sinks, hands runs to sessions, gives each
 * caller its result or its one error. Synchronous and on the injected clock, so that the simulation runs this very code.
 */
import type { Clock, TimerHandle } from '../../../core/clock.ts';
import type { ErrorCode } from '../../../core/error-codes.ts';
import { SkyliftError, toSkyliftError, unreachable } from '../../../core/errors.ts';
import type { Log } from '../../../core/log.ts';
import type { EngineJob, EngineSink, Session } from '../../../engines/port.ts';
import type { Signature } from '../../../package/manifest.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import type { Quarantine } from './quarantine.ts';
import type { RunHandle, RunRequest, RunSink } from '../requests.ts';
import type { RunMetrics } from '../run-metrics.ts';
import type { VersionStatistics } from '../version-statistics.ts';
import type { JobHead, Scheduler, SchedulerAction, SchedulerEvent, SessionOffer } from './scheduler-types.ts';

/** What the scheduler decides, and a refusal that it is not asked about. */
type Action =
  | SchedulerAction
  | { readonly kind: 'refuse'; readonly job: number; readonly retryAfterMs: number };

/** A request that was checked against its signature. */
export interface PreparedJob {
  readonly request: RunRequest;
  readonly queue: string;
  readonly version: bigint;
  readonly signatureName: string;
  readonly signature: Signature;
  /** In the order of the signature. */
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  readonly bucket: string | null;
  /** Of its version. */
  readonly statistics: VersionStatistics;
}

interface Job {
  readonly prepared: PreparedJob;
  readonly sink: RunSink;
  readonly arrivedAtMs: number;
  dispatchedAtMs: number;
  batchRows: number;
}

interface AttachedSession {
  readonly session: Session;
  /** Ends the engine process under the session. */
  readonly kill: (reason: string) => void;
  readonly sink: EngineSink;
  /** Called when it works on nothing any more, after it was retired. */
  whenRetired?: () => void;
  /** What it works on. */
  run: { readonly rows: number; readonly statistics: VersionStatistics } | undefined;
}

export interface DispatcherOptions {
  readonly scheduler: Scheduler;
  readonly clock: Clock;
  readonly quarantine: Quarantine;
  readonly metrics: RunMetrics;
  readonly log: Log;
  /** Jobs wait although every session of the queue is busy: more engines would help. */
  readonly onPressure: (queue: string) => void;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #jobs = new Map<number, Job>();
  readonly #sessions = new Map<number, AttachedSession>();
  /** Queues that somebody waits for, with their jobs that have no outcome yet. */
  readonly #drains = new Map<string, { jobs: number; readonly done: () => void }>();
  #nextJob = 1;
  #nextSession = 1;
  #alarm: TimerHandle | undefined;
  /** Decided, not yet carried out. Those of arrivals wait for the end of the turn: no sink is called inside `submit`. */
  readonly #actions: Action[] = [];
  #isPerforming = false;
  #isFlushArmed = false;

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Jobs that have no outcome yet. */
  get inflight(): number {
    return this.#jobs.size;
  }

  /** Queues the job; the sink is called later, exactly once unless cancelled. */
  submit(prepared: PreparedJob, sink: RunSink): RunHandle {
    const { clock, scheduler, quarantine } = this.#options;
    const id = this.#nextJob++;
    const at = clock.nowMs();
    this.#jobs.set(id, { prepared, sink, arrivedAtMs: at, dispatchedAtMs: 0, batchRows: 0 });
    const retryAfterMs = quarantine.leftMs(contentOf(prepared));
    if (retryAfterMs > 0) {
      this.#actions.push({ kind: 'refuse', job: id, retryAfterMs });
    } else {
      this.#actions.push(...scheduler.step({ kind: 'arrive', at, job: headOf(id, prepared) }));
    }
    this.#armFlush();
    return { cancel: () => this.#cancel(id), resume: () => {} };
  }

  /** Adds a session to a queue. Returns the id for `detach`. */
  attach(queue: string, session: Session, offer: SessionOffer, kill: (reason: string) => void): number {
    const id = this.#nextSession++;
    this.#sessions.set(id, { session, kill, sink: this.#sinkOf(id), run: undefined });
    this.#step({ kind: 'up', at: this.#options.clock.nowMs(), session: id, queue, offer });
    return id;
  }

  /** The session gets no more work; calls `done` when it has finished what it runs, unless it is detached first. */
  retire(session: number, done: () => void): void {
    const attached = this.#sessions.get(session);
    if (!attached) return;
    attached.whenRetired = done;
    this.#step({ kind: 'retire', at: this.#options.clock.nowMs(), session });
  }

  /** The session is gone: its jobs are retried or get their error. Unknown ids are ignored. */
  detach(session: number): void {
    if (!this.#sessions.delete(session)) return;
    this.#step({ kind: 'down', at: this.#options.clock.nowMs(), session });
  }

  /** Rejects what waits in the queue and what arrives from now on. */
  closeQueue(queue: string, code: ErrorCode): void {
    this.#step({ kind: 'close', at: this.#options.clock.nowMs(), queue, code });
  }

  /** Rejects what waits in the queue; what arrives later may be lucky. */
  rejectWaiting(queue: string, code: ErrorCode): void {
    this.#step({ kind: 'clear', at: this.#options.clock.nowMs(), queue, code });
  }

  /** No job of the queue is without its outcome. Looks at every job: not for the way of requests. */
  isIdle(queue: string): boolean {
    for (const { prepared } of this.#jobs.values()) if (prepared.queue === queue) return false;
    return true;
  }

  /** Calls `done` once every job of the queue has its outcome, later. Whoever asks sends it no more jobs. */
  whenEmpty(queue: string, done: () => void): void {
    let jobs = 0;
    for (const { prepared } of this.#jobs.values()) if (prepared.queue === queue) jobs++;
    if (jobs === 0) this.#options.clock.endOfTurn(done);
    else this.#drains.set(queue, { jobs, done });
  }

  #cancel(id: number): void {
    const job = this.#settle(id);
    if (!job) return;
    this.#countFailure(job, 'SKY_CANCELLED');
    this.#step({ kind: 'cancel', at: this.#options.clock.nowMs(), job: id });
  }

  #armFlush(): void {
    if (this.#isFlushArmed) return;
    this.#isFlushArmed = true;
    this.#options.clock.endOfTurn(() => {
      this.#isFlushArmed = false;
      this.#step({ kind: 'flush', at: this.#options.clock.nowMs() });
    });
  }

  /** A sink or a kill may come back in here: its actions wait behind those of the event before, so that none overtakes. */
  #step(event: SchedulerEvent): void {
    this.#actions.push(...this.#options.scheduler.step(event));
    if (this.#isPerforming) return;
    this.#isPerforming = true;
    try {
      for (let action = this.#actions.shift(); action; action = this.#actions.shift()) this.#perform(action);
    } finally {
      this.#isPerforming = false;
    }
  }

  #perform(action: Action): void {
    switch (action.kind) {
      case 'dispatch':
        return this.#dispatch(action.session, action.jobs, action.rows);
      case 'reject':
        return this.#reject(action.job, action.code, action.retryAfterMs);
      case 'refuse':
        return this.#end(action.job, 'SKY_QUARANTINED', action.retryAfterMs);
      case 'drop':
        return this.#sessions.get(action.session)?.session.drop(action.job);
      case 'kill':
        return this.#sessions.get(action.session)?.kill(action.reason);
      case 'retired':
        return this.#sessions.get(action.session)?.whenRetired?.();
      case 'pressure':
        return this.#options.onPressure(action.queue);
      case 'alarmAt':
        return this.#setAlarm(action.at);
      default:
        return unreachable(action);
    }
  }

  #dispatch(sessionId: number, ids: readonly number[], rows: number): void {
    const attached = this.#sessions.get(sessionId);
    const now = this.#options.clock.nowMs();
    const jobs = ids.flatMap((id) => {
      const job = this.#jobs.get(id);
      if (!job) return [];
      job.dispatchedAtMs = now;
      job.batchRows = rows;
      const { signatureName: signature, rows: jobRows, inputs, request } = job.prepared;
      return [{ id, signature, rows: jobRows, inputs, params: request.params }];
    });
    const [first] = jobs;
    const prepared = first && this.#jobs.get(first.id)?.prepared;
    if (prepared) this.#options.metrics.dispatched(prepared.request.model, rows);
    if (!attached) return;
    attached.run = prepared && { rows, statistics: prepared.statistics };
    this.#handOver(attached, jobs);
  }

  #handOver({ session, sink }: AttachedSession, jobs: readonly EngineJob[]): void {
    try {
      session.dispatch(jobs, sink);
    } catch (error) {
      const failure = toSkyliftError(error);
      if (failure.code === 'SKY_ENGINE_LOST') return; // its exit is on the way and brings the jobs back
      for (const job of jobs) sink.fail(job.id, failure);
      sink.finished([], 0);
    }
  }

  #sinkOf(session: number): EngineSink {
    return {
      part: (id, outputs) => {
        const job = this.#jobs.get(id);
        if (job) this.#tell(job, (sink) => sink.part(named(job.prepared.signature, outputs)));
      },
      done: (id, outputs) => this.#done(id, outputs),
      fail: (id, error) => this.#fail(id, error),
      finished: (_, ranUs) => {
        const run = this.#sessions.get(session)?.run;
        if (ranUs > 0) run?.statistics.ran(run.rows, ranUs);
        this.#step({ kind: 'finished', at: this.#options.clock.nowMs(), session, ranUs });
      },
    };
  }

  #done(id: number, outputs: readonly Tensor[]): void {
    const job = this.#settle(id);
    if (!job) return;
    const { version, signatureName, signature } = job.prepared;
    const now = this.#options.clock.nowMs();
    const queuedUs = (job.dispatchedAtMs - job.arrivedAtMs) * 1000;
    const timing = { queuedUs, ranUs: (now - job.dispatchedAtMs) * 1000, batchRows: job.batchRows };
    this.#options.metrics.answered(job.prepared.request.model, timing);
    job.prepared.statistics.answered(job.prepared.rows, timing, this.#options.clock.wallMs());
    this.#tell(job, (sink) =>
      sink.done({ version, signature: signatureName, outputs: named(signature, outputs), timing }),
    );
  }

  #fail(id: number, error: SkyliftError): void {
    const job = this.#settle(id);
    if (!job) return;
    this.#countFailure(job, error.code);
    this.#tell(job, (sink) => sink.fail(error));
  }

  #reject(id: number, code: ErrorCode, retryAfterMs: number): void {
    const prepared = this.#jobs.get(id)?.prepared;
    if (!prepared || code !== 'SKY_QUARANTINED') return this.#end(id, code, retryAfterMs);
    const { quarantine } = this.#options;
    const content = contentOf(prepared);
    quarantine.add(content);
    this.#end(id, code, quarantine.leftMs(content));
  }

  #end(id: number, code: ErrorCode, retryAfterMs: number): void {
    const job = this.#settle(id);
    if (!job) return;
    this.#countFailure(job, code);
    this.#tell(job, (sink) => sink.fail(rejection(code, job.prepared.request, retryAfterMs)));
  }

  #countFailure({ prepared, arrivedAtMs }: Job, code: ErrorCode): void {
    this.#options.metrics.rejected(prepared.request.model, code);
    prepared.statistics.failed((this.#options.clock.nowMs() - arrivedAtMs) * 1000);
  }

  /** A defect in one sink costs its own caller only. */
  #tell(job: Job, call: (sink: RunSink) => void): void {
    try {
      call(job.sink);
    } catch (error) {
      const stack = error instanceof Error ? error.stack : String(error);
      this.#options.log('error', 'a result could not be delivered', {
        request: job.prepared.request.id,
        stack,
      });
    }
  }

  /** The job's outcome is known: it leaves the table, so that no second one can follow. */
  #settle(id: number): Job | undefined {
    const job = this.#jobs.get(id);
    this.#jobs.delete(id);
    if (job && this.#drains.size > 0) this.#drained(job.prepared.queue);
    return job;
  }

  #drained(queue: string): void {
    const drain = this.#drains.get(queue);
    if (!drain || --drain.jobs > 0) return;
    this.#drains.delete(queue);
    this.#options.clock.endOfTurn(drain.done);
  }

  #setAlarm(atMs: number): void {
    const { clock } = this.#options;
    if (this.#alarm) clock.clear(this.#alarm);
    this.#alarm = clock.setTimer(atMs, () => {
      this.#alarm = undefined;
      this.#step({ kind: 'alarm', at: clock.nowMs() });
    });
  }
}

function headOf(id: number, { request, queue, rows, inputs, bucket }: PreparedJob): JobHead {
  const { deadlineAtMs, priority, principal, retry } = request;
  return {
    id,
    queue,
    rows,
    sizeBytes: inputs.reduce((sum, { bytes }) => sum + bytes.length, 0),
    bucket,
    deadlineAtMs,
    priority,
    tenant: principal.id,
    idempotent: retry === 'idempotent',
  };
}

function contentOf({ queue, signatureName, inputs }: PreparedJob): Parameters<Quarantine['add']>[0] {
  return { queue, signature: signatureName, inputs };
}

function named(signature: Signature, outputs: readonly Tensor[]): ReadonlyMap<string, Tensor> {
  const map = new Map<string, Tensor>();
  for (const [i, spec] of signature.outputs.entries()) {
    const output = outputs[i];
    if (output) map.set(spec.name, output);
  }
  return map;
}

const REASONS: Partial<Record<ErrorCode, string>> = {
  SKY_DEADLINE_EXCEEDED: 'the request was not finished before its deadline',
  SKY_OVERLOADED: 'the queue of the model is full or too slow for the deadline',
  SKY_ENGINE_LOST: 'the engine process ended while it worked on the request',
  SKY_QUARANTINED: 'the request ended engine processes and is refused for a while',
  SKY_ENGINE_START: 'its engines could not be started; the log of the server says why',
  SKY_UNAVAILABLE: 'the model is being unloaded',
  SKY_DRAINING: 'the server is shutting down',
};

function rejection(code: ErrorCode, request: RunRequest, retryAfterMs: number): SkyliftError {
  const message = `model ${request.model}: ${REASONS[code] ?? 'the request was refused'} (request ${request.id})`;
  return new SkyliftError(code, message, { details: { requestId: request.id, retryAfterMs } });
}
