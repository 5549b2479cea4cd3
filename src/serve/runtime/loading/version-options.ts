/** What the configuration of one model, or of all, asks of the way in which its versions run. */
import type { QueueRules } from '../scheduling/scheduler-types.ts';
import type { ThreadOptions } from './thread-plan.ts';

export interface BatchingOptions {
  /** Rows of a run at most. @default `max_batch_rows` */
  readonly maxRows?: number;
  /** @default those of the server */
  readonly rules?: QueueRules;
}

/** Of one version; what is not given is as the server has it. */
export interface VersionOptions {
  readonly batching?: BatchingOptions;
  readonly threads?: ThreadOptions;
}
