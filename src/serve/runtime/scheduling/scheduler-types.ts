/** The vocabulary of the scheduler: heads of jobs in, actions out. No tensor, no clock, no I/O. */
import type { ErrorCode } from '../../../core/error-codes.ts';

export interface JobHead {
  readonly id: number;
  /** The model version; jobs of different queues never share a run. */
  readonly queue: string;
  readonly rows: number;
  /** Of all inputs. */
  readonly sizeBytes: number;
  /** Jobs with the same bucket may share a run: same signature, dtypes and dims but the first. `null`: always alone. */
  readonly bucket: string | null;
  readonly deadlineAtMs: number;
  readonly tenant: string;
  readonly priority: 'interactive' | 'batch';
  /** May run again after its engine was lost. */
  readonly idempotent: boolean;
}

export type SchedulerEvent = { readonly at: number } & (
  | { readonly kind: 'arrive'; readonly job: JobHead }
  /** The event-loop turn is over: what arrived in it may be dispatched together. */
  | { readonly kind: 'flush' }
  | { readonly kind: 'cancel'; readonly job: number }
  | { readonly kind: 'up'; readonly session: number; readonly queue: string; readonly offer: SessionOffer }
  | { readonly kind: 'down'; readonly session: number }
  /** Another session takes the place of this one: it gets no more work, what it runs it finishes. */
  | { readonly kind: 'retire'; readonly session: number }
  /** The session takes the next dispatch; its jobs have their results. */
  | { readonly kind: 'finished'; readonly session: number; readonly ranUs: number }
  /** The queue takes no more jobs; those waiting are rejected with `code`, those running finish. */
  | { readonly kind: 'close'; readonly queue: string; readonly code: ErrorCode }
  /** The waiting jobs of the queue are rejected with `code`. */
  | { readonly kind: 'clear'; readonly queue: string; readonly code: ErrorCode }
  | { readonly kind: 'alarm' }
);

/** What a session can do. */
export interface SessionOffer {
  /** Rows of a run at most. */
  readonly maxRows: number;
  /** The same while there are so many for every session that can run at a time; at least `maxRows`. */
  readonly crowdRows: number;
  /** Cores that one run keeps busy. */
  readonly threads: number;
  readonly runLimitMs: number;
  /** Of the queue that the session works for; those told last count. @default none */
  readonly rules?: QueueRules;
}

/** What a model's configuration asks of its queue. */
export interface QueueRules {
  /** Jobs that wait at most, below the limit of the server. */
  readonly maxJobs?: number;
  /** Rows that wait at most; a single job may have more. */
  readonly maxRows?: number;
  /** How long the first job of a run waits for others while the run is not full, milliseconds. @default 0 */
  readonly holdMs?: number;
}

export type SchedulerAction =
  | {
      readonly kind: 'dispatch';
      readonly session: number;
      readonly jobs: readonly number[];
      readonly rows: number;
    }
  /** The job is over without a result. `retryAfterMs` is a guess that protocols may tell. */
  | { readonly kind: 'reject'; readonly job: number; readonly code: ErrorCode; readonly retryAfterMs: number }
  /** The job's run goes on, but nobody waits for its result. */
  | { readonly kind: 'drop'; readonly session: number; readonly job: number }
  | { readonly kind: 'kill'; readonly session: number; readonly reason: string }
  /** The retired session works on nothing any more. */
  | { readonly kind: 'retired'; readonly session: number }
  /** Jobs of the queue wait and its sessions are busy with native code: one more engine would help. */
  | { readonly kind: 'pressure'; readonly queue: string }
  | { readonly kind: 'alarmAt'; readonly at: number };

export interface SchedulerLimits {
  /** Cores that all runs together may keep busy; a single run always may. */
  readonly cores: number;
  readonly queueMaxJobs: number;
  /** Jobs that would wait longer are refused, as far as the past tells. */
  readonly queueMaxWaitMs: number;
  readonly maxAttempts: number;
  readonly poisonKills: number;
  /** Inputs of one run, unless a single job has more. */
  readonly runMaxBytes: number;
}

export interface Scheduler {
  /** Pure in its state: the same events give the same actions. */
  step(event: SchedulerEvent): readonly SchedulerAction[];
  /** Whether one more job of that tenant would find a place in the queue now. */
  hasRoom(queue: string, asking: Pick<JobHead, 'tenant' | 'priority'>): boolean;
  waiting(queue: string): number;
  /** A guess when it is worth to ask again. */
  retryAfterMs(queue: string): number;
}
