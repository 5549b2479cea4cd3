/** The vocabulary of the scheduler: heads of jobs in, actions out. No tensor, no clock, no I/O. */
import type { ErrorCode } from '../../core/error-codes.ts';

export interface JobHead {
  readonly id: number;
  /** The model version; jobs of different queues never share a run. */
  readonly queue: string;
  readonly rows: number;
  /** Jobs with the same bucket may be combined: same signature, dtypes and dims but the first. `null`: never combined. */
  readonly bucket: string | null;
  readonly deadlineAtMs: number;
  readonly tenant: string;
  readonly priority: 'interactive' | 'batch';
  /** May run again after its engine was lost. */
  readonly idempotent: boolean;
}

export type SchedulerEvent = { readonly at: number } & (
  | { readonly kind: 'arrive'; readonly job: JobHead }
  | { readonly kind: 'cancel'; readonly job: number }
  | {
      readonly kind: 'up';
      readonly session: number;
      readonly queue: string;
      readonly maxRows: number;
      readonly runLimitMs: number;
    }
  | { readonly kind: 'down'; readonly session: number }
  | {
      readonly kind: 'finished';
      readonly session: number;
      readonly jobs: readonly number[];
      readonly ranUs: number;
    }
  | { readonly kind: 'close'; readonly queue: string; readonly code: ErrorCode }
  | { readonly kind: 'alarm' }
);

export type SchedulerAction =
  | {
      readonly kind: 'dispatch';
      readonly session: number;
      readonly jobs: readonly number[];
      readonly rows: number;
    }
  /** The job is over without a result; `session` when its run goes on and the result is to be dropped. */
  | {
      readonly kind: 'reject';
      readonly job: number;
      readonly code: ErrorCode;
      readonly retryAfterMs: number;
      readonly session?: number;
    }
  | { readonly kind: 'kill'; readonly session: number; readonly reason: string }
  | { readonly kind: 'alarmAt'; readonly at: number };

export interface SchedulerLimits {
  readonly queueMaxJobs: number;
  readonly maxAttempts: number;
  readonly poisonKills: number;
}

export interface Scheduler {
  /** Pure in its arguments and state: the same events give the same actions. */
  step(event: SchedulerEvent): readonly SchedulerAction[];
}
