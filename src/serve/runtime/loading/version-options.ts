/** What the configuration of one model, or of all, asks of the way in which its versions run. */
import type { Signature } from '../../../package/manifest.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import type { VersionPolicy } from '../versions/version-policy.ts';
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
  readonly configuration?: ModelConfiguration;
  readonly recorded?: RecordedRequests;
}

/** A request as it was recorded elsewhere. */
export interface RecordedRequest {
  /** undefined: the default one. */
  readonly signature: string | undefined;
  readonly inputs: ReadonlyMap<string, Tensor>;
}

/** What a request is read for. */
export interface Signatures {
  /** Throws SKY_SIGNATURE_NOT_FOUND. */
  signature(name: string | undefined): { readonly signature: Signature };
}

/** Requests that a version must answer before it is offered. */
export interface RecordedRequests {
  /** For messages and metrics. */
  readonly path: string;
  /** How often each is run. @default 1 */
  readonly iterations?: number;
  /** Throws what makes the file wrong, and while it goes on what makes a record wrong. */
  read(signatures: Signatures): Promise<Iterable<RecordedRequest>>;
}

/** What a model repository says of a model, for those who ask what it says. */
export interface ModelConfiguration {
  readonly policy: VersionPolicy;
  /** 0: the first dimension of inputs and outputs is no batch. @default what the model can do */
  readonly maxBatchSize?: number;
  /** Engines, where their number is given. */
  readonly instances?: number;
  /** '' where the only model of the folder counts. */
  readonly fileName: string;
  /** Where the combining of requests is spoken of. */
  readonly dynamicBatching?: DynamicBatching;
  readonly parameters: ReadonlyMap<string, string>;
}

export interface DynamicBatching {
  readonly preferredSizes: readonly number[];
  /** Microseconds. */
  readonly delayUs: number;
  /** 0: no bound of its own. */
  readonly queueJobs: number;
}
