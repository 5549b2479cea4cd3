/**
 * The scheduler: which jobs run together, where and when, and which are refused. A pure state machine: every event
 * carries its time, every effect is an action for the caller. Work-conserving: a free session takes what waits, at once,
 * unless the rules of its queue ask for fuller runs.
 */
import type { ErrorCode } from '../../../core/error-codes.ts';
import { unreachable } from '../../../core/errors.ts';
import { DeadlineHeap } from './deadline-heap.ts';
import { JobQueue } from './job-queue.ts';
import { QueueLoad } from './queue-load.ts';
import type {
  JobHead,
  Scheduler,
  QueueRules,
  SchedulerAction,
  SchedulerEvent,
  SchedulerLimits,
  SessionOffer,
} from './scheduler-types.ts';

/** A client should not come back sooner; Retry-After has whole seconds. */
const MIN_RETRY_AFTER_MS = 1000;

interface JobState {
  readonly head: JobHead;
  readonly queue: QueueState;
  /** Session that runs it, undefined while it waits. */
  session: number | undefined;
  /** Engines lost under it. */
  lostEngines: number;
}

interface SessionState {
  readonly queue: QueueState;
  readonly offer: SessionOffer;
  /** Jobs of the run under way; empty when free. Dropped jobs leave it, the run goes on. */
  running: readonly number[];
  runningRows: number;
  killAtMs: number;
  isBusy: boolean;
  isKilled: boolean;
  isRetired: boolean;
}

interface QueueState {
  readonly name: string;
  readonly waiting: JobQueue;
  readonly sessions: Set<number>;
  closedWith: ErrorCode | undefined;
  rules: QueueRules;
  /** Until then runs that are not full wait for more jobs. */
  holdUntilMs: number;
  readonly load: QueueLoad;
}

export function createScheduler(limits: SchedulerLimits): Scheduler {
  return new JobScheduler(limits);
}

class JobScheduler implements Scheduler {
  readonly #limits: SchedulerLimits;
  readonly #jobs = new Map<number, JobState>();
  readonly #sessions = new Map<number, SessionState>();
  readonly #queues = new Map<string, QueueState>();
  readonly #deadlines = new DeadlineHeap();
  #busyCores = 0;
  /** What the queue of the run that started last had had until then. */
  #servedUs = 0;
  #armedAtMs = Infinity;
  #actions: SchedulerAction[] = [];

  constructor(limits: SchedulerLimits) {
    this.#limits = limits;
  }

  step(event: SchedulerEvent): readonly SchedulerAction[] {
    this.#actions = [];
    this.#apply(event);
    if (event.kind !== 'arrive') {
      this.#expire(event.at);
      this.#dispatchAll(event.at);
    }
    if (event.kind === 'finished') this.#reportPressure(event.session, event.at);
    this.#armAlarm(event.at);
    return this.#actions;
  }

  #apply(event: SchedulerEvent): void {
    switch (event.kind) {
      case 'arrive':
        return this.#arrive(event.job, event.at);
      case 'flush':
        return;
      case 'cancel':
        return this.#forget(event.job);
      case 'up':
        return this.#up(event.session, this.#queue(event.queue), event.offer);
      case 'down':
        return this.#down(event.session, event.at);
      case 'retire':
        return this.#retire(event.session);
      case 'finished':
        return this.#finished(event.session, event.ranUs, event.at);
      case 'close':
        return this.#close(event.queue, event.code);
      case 'clear':
        return this.#clear(this.#queue(event.queue), event.code);
      case 'alarm':
        return this.#killOverdue(event.at);
      default:
        return unreachable(event);
    }
  }

  #arrive(head: JobHead, at: number): void {
    const queue = this.#queue(head.queue);
    const refusal = this.#refusal(queue, head, at) ?? this.#makeWay(queue, head);
    if (refusal) return this.#reject(head.id, refusal, this.#waitMs(queue));
    this.#jobs.set(head.id, { head, queue, session: undefined, lostEngines: 0 });
    this.#deadlines.add(head.id, head.deadlineAtMs);
    this.#enqueue(queue, head, at);
  }

  /** An idle queue saves up nothing: it starts level with the run that started last (start-time fair queueing, Goyal 1996). */
  #enqueue(queue: QueueState, head: JobHead, at: number): void {
    const { waiting, load, rules } = queue;
    if (waiting.size === 0) {
      queue.holdUntilMs = at + (rules.holdMs ?? 0);
      load.servedUs = Math.max(load.servedUs, this.#servedUs);
      load.noBacklog();
    }
    waiting.push(head);
  }

  /** Why a job is not even queued: better an early no than a late one. */
  #refusal(queue: QueueState, head: JobHead, at: number): ErrorCode | undefined {
    if (queue.closedWith) return queue.closedWith;
    if (head.deadlineAtMs <= at) return 'SKY_DEADLINE_EXCEEDED';
    if (queue.waiting.size === 0 || !queue.load.isTrusted) return undefined; // its own deadline will tell
    const waitMs = queue.load.waitMs(queue.waiting.rowsBefore(head), queue.sessions.size);
    const isTooLate = at + waitMs + queue.load.runMs(head.rows) > head.deadlineAtMs;
    return isTooLate || waitMs > this.#limits.queueMaxWaitMs ? 'SKY_OVERLOADED' : undefined;
  }

  /** In a full queue the newest job of whoever takes more than a fair part makes way; if that is nobody, the new one. */
  #makeWay(queue: QueueState, head: JobHead): ErrorCode | undefined {
    if (!this.#isFull(queue, head.rows)) return undefined;
    const shed = queue.waiting.toShed(head);
    if (!shed || shed.rows < head.rows) return 'SKY_OVERLOADED';
    this.#end(shed.id, 'SKY_OVERLOADED');
    return undefined;
  }

  hasRoom(queueName: string, asking: Pick<JobHead, 'tenant' | 'priority'>): boolean {
    const queue = this.#queues.get(queueName);
    return !queue || !this.#isFull(queue, 1) || queue.waiting.toShed(asking) !== undefined;
  }

  /** For a job of so many rows; an empty queue takes any. */
  #isFull({ waiting, rules }: QueueState, rows: number): boolean {
    const { maxJobs = Infinity, maxRows = Infinity } = rules;
    if (waiting.size >= Math.min(this.#limits.queueMaxJobs, maxJobs)) return true;
    return waiting.size > 0 && waiting.rows + rows > maxRows;
  }

  waiting(queueName: string): number {
    return this.#queues.get(queueName)?.waiting.size ?? 0;
  }

  retryAfterMs(queueName: string): number {
    const queue = this.#queues.get(queueName);
    return retryAfterMs(queue ? this.#waitMs(queue) : 0);
  }

  /** Time until all that waits now has started, as far as the past tells. */
  #waitMs(queue: QueueState): number {
    return queue.load.waitMs(queue.waiting.rows, queue.sessions.size);
  }

  #up(session: number, queue: QueueState, offer: SessionOffer): void {
    const free = { running: [], runningRows: 0, killAtMs: Infinity };
    const flags = { isBusy: false, isKilled: false, isRetired: false };
    this.#sessions.set(session, { queue, offer, ...free, ...flags });
    queue.sessions.add(session);
    queue.rules = offer.rules ?? {};
  }

  #retire(session: number): void {
    const state = this.#sessions.get(session);
    if (!state || state.isRetired) return;
    state.isRetired = true;
    if (!state.isBusy) this.#actions.push({ kind: 'retired', session });
  }

  /** Every job of the lost session is tried again alone, so that the one that ends engines is told from its neighbours. */
  #down(session: number, at: number): void {
    const state = this.#sessions.get(session);
    if (!state) return;
    this.#sessions.delete(session);
    state.queue.sessions.delete(session);
    if (state.isBusy) this.#busyCores -= state.offer.threads;
    for (const id of state.running) {
      const job = this.#jobs.get(id);
      if (job) this.#retry(job, at);
    }
    this.#removeIfDone(state.queue);
  }

  #retry(job: JobState, at: number): void {
    const { head, queue } = job;
    job.lostEngines++;
    job.session = undefined;
    if (!head.idempotent) return this.#end(head.id, 'SKY_ENGINE_LOST');
    if (job.lostEngines >= this.#limits.poisonKills) return this.#end(head.id, 'SKY_QUARANTINED');
    if (job.lostEngines >= this.#limits.maxAttempts) return this.#end(head.id, 'SKY_ENGINE_LOST');
    if (queue.closedWith) return this.#end(head.id, queue.closedWith);
    if (head.deadlineAtMs <= at) return this.#end(head.id, 'SKY_DEADLINE_EXCEEDED');
    this.#enqueue(queue, { ...head, bucket: null }, at);
  }

  #finished(session: number, ranUs: number, at: number): void {
    const state = this.#sessions.get(session);
    if (!state?.isBusy) return;
    const { load, waiting } = state.queue;
    load.record(ranUs, state.runningRows, state.offer.threads);
    if (waiting.size > 0) load.backlogAt(at, state.runningRows);
    for (const id of state.running) {
      this.#jobs.delete(id);
      this.#deadlines.remove(id);
    }
    this.#busyCores -= state.offer.threads;
    state.isBusy = false;
    state.running = [];
    state.runningRows = 0;
    state.killAtMs = Infinity;
    if (state.isRetired) this.#actions.push({ kind: 'retired', session });
  }

  #close(name: string, code: ErrorCode): void {
    const queue = this.#queue(name);
    queue.closedWith = code;
    this.#clear(queue, code);
    this.#removeIfDone(queue);
  }

  #clear(queue: QueueState, code: ErrorCode): void {
    for (const job of queue.waiting.clear()) this.#end(job.id, code);
  }

  #removeIfDone(queue: QueueState): void {
    if (queue.closedWith && queue.sessions.size === 0) this.#queues.delete(queue.name);
  }

  /** Before every dispatch: no work starts after its deadline. */
  #expire(at: number): void {
    for (let id = this.#deadlines.takeExpired(at); id !== undefined; id = this.#deadlines.takeExpired(at)) {
      this.#end(id, 'SKY_DEADLINE_EXCEEDED');
    }
  }

  #killOverdue(at: number): void {
    this.#armedAtMs = Infinity;
    for (const [session, state] of this.#sessions) {
      if (state.killAtMs > at || state.isKilled) continue;
      state.isKilled = true;
      state.killAtMs = Infinity;
      this.#actions.push({ kind: 'kill', session, reason: `run exceeded ${state.offer.runLimitMs} ms` });
    }
  }

  /** The job is over without a result: the caller is told, a run under way goes on unwatched. */
  #end(id: number, code: ErrorCode): void {
    const job = this.#jobs.get(id);
    this.#forget(id);
    if (job) this.#reject(id, code, this.#waitMs(job.queue));
  }

  #forget(id: number): void {
    const job = this.#jobs.get(id);
    if (!job) return;
    this.#jobs.delete(id);
    this.#deadlines.remove(id);
    if (job.session === undefined) job.queue.waiting.remove(id);
    else this.#actions.push({ kind: 'drop', session: job.session, job: id });
  }

  #reject(job: number, code: ErrorCode, waitMs: number): void {
    this.#actions.push({ kind: 'reject', job, code, retryAfterMs: retryAfterMs(waitMs) });
  }

  #dispatchAll(at: number): void {
    for (let pick = this.#pick(at); pick; pick = this.#pick(at)) this.#dispatch(pick, at);
  }

  /** A free session of the queue that had least, if the cores allow one more run. */
  #pick(at: number): { session: number; state: SessionState } | undefined {
    let best: { session: number; state: SessionState } | undefined;
    for (const [session, state] of this.#sessions) {
      if (state.isBusy || state.isKilled || state.isRetired || state.queue.waiting.size === 0) continue;
      if (isHeld(state, at)) continue;
      if (this.#busyCores > 0 && this.#busyCores + state.offer.threads > this.#limits.cores) continue;
      if (!best || goesBefore(state, best.state)) best = { session, state };
    }
    return best;
  }

  #dispatch({ session, state }: { session: number; state: SessionState }, at: number): void {
    const { waiting, load } = state.queue;
    const heads = waiting.take(this.#rowsOfRun(state), this.#limits.runMaxBytes);
    this.#servedUs = Math.max(this.#servedUs, load.servedUs);
    const jobs = heads.map((head) => head.id);
    const rows = heads.reduce((sum, head) => sum + head.rows, 0);
    for (const id of jobs) {
      const job = this.#jobs.get(id);
      if (job) job.session = session;
    }
    state.isBusy = true;
    state.running = jobs;
    state.runningRows = rows;
    state.killAtMs = at + state.offer.runLimitMs;
    this.#busyCores += state.offer.threads;
    this.#actions.push({ kind: 'dispatch', session, jobs, rows });
  }

  /** A large run keeps its first rows waiting: worth it when there is one for every session that can run at a time. */
  #rowsOfRun({ queue, offer }: SessionState): number {
    const sideBySide = Math.min(
      queue.sessions.size,
      Math.max(1, Math.floor(this.#limits.cores / offer.threads)),
    );
    const waiting = queue.waiting.rows;
    let rows = waiting;
    for (const id of queue.sessions) rows += this.#sessions.get(id)?.runningRows ?? 0;
    const isCrowd = waiting >= offer.crowdRows && rows >= offer.crowdRows * sideBySide;
    return isCrowd ? offer.crowdRows : offer.maxRows;
  }

  #reportPressure(session: number, at: number): void {
    const queue = this.#sessions.get(session)?.queue;
    if (queue && queue.waiting.size > 0 && queue.load.isUnderPressure(at, queue.sessions.size))
      this.#actions.push({ kind: 'pressure', queue: queue.name });
  }

  #armAlarm(at: number): void {
    let nextMs = this.#deadlines.earliestMs();
    for (const state of this.#sessions.values()) {
      nextMs = Math.min(nextMs, state.killAtMs);
      if (!state.isBusy && isHeld(state, at)) nextMs = Math.min(nextMs, state.queue.holdUntilMs);
    }
    if (nextMs >= this.#armedAtMs) return;
    this.#armedAtMs = nextMs;
    this.#actions.push({ kind: 'alarmAt', at: nextMs });
  }

  #queue(name: string): QueueState {
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = {
        name,
        waiting: new JobQueue(),
        sessions: new Set(),
        closedWith: undefined,
        rules: {},
        holdUntilMs: 0,
        load: new QueueLoad(),
      };
      this.#queues.set(name, queue);
    }
    return queue;
  }
}

function retryAfterMs(waitMs: number): number {
  return Math.max(MIN_RETRY_AFTER_MS, Math.ceil(waitMs));
}

/** The jobs that wait are no full run, and the first may still wait for others. */
function isHeld({ queue, offer }: SessionState, at: number): boolean {
  return at < queue.holdUntilMs && queue.waiting.size > 0 && queue.waiting.rows < offer.maxRows;
}

/** Queues take turns by the core time they had; a lone job takes the widest session, several take the narrow ones. */
function goesBefore(a: SessionState, b: SessionState): boolean {
  if (a.queue !== b.queue) return a.queue.load.servedUs < b.queue.load.servedUs;
  return a.queue.waiting.size > 1 ? a.offer.threads < b.offer.threads : a.offer.threads > b.offer.threads;
}
