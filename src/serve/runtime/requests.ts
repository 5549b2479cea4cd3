/** What travels between the protocols and the runtime: one request form for every protocol. */
import type { SkyliftError } from '../../core/errors.ts';
import type { PackageManifest, Signature } from '../../package/manifest.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { ModelConfiguration } from './loading/version-options.ts';
import type { ModelConfig } from './sources/model-config.ts';
import type { VersionStatistics } from './version-statistics.ts';
import type { VersionState } from './versions/version-state.ts';

export type VersionSelector =
  | { readonly kind: 'latest' }
  | { readonly kind: 'version'; readonly version: bigint }
  | { readonly kind: 'label'; readonly label: string };

export const LATEST: VersionSelector = { kind: 'latest' };

/** Who asks. */
export interface Principal {
  /** The id of an API key, or `anonymous`. */
  readonly id: string;
  /** Whether there is such a model for this caller: others are neither listed nor answered for. */
  maySee(model: string): boolean;
  /** Every model there is and ever will be. */
  readonly seesAll: boolean;
}

/** Everybody, where no keys are asked for. */
export const ANONYMOUS: Principal = { id: 'anonymous', maySee: () => true, seesAll: true };

export interface RunRequest {
  readonly id: string;
  readonly principal: Principal;
  readonly model: string;
  readonly version: VersionSelector;
  /** @default serving_default */
  readonly signature?: string;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly params: ReadonlyMap<string, string | bigint | number | boolean>;
  /** Monotonic milliseconds of the injected clock. */
  readonly deadlineAtMs: number;
  readonly priority: 'interactive' | 'batch';
  /** Whether the request may be run again on another engine when its engine is lost. */
  readonly retry: 'idempotent' | 'never';
}

export interface RunTiming {
  readonly queuedUs: number;
  /** From dispatch to result, with the way to the engine and back. */
  readonly ranUs: number;
  /** Rows of the batch that the request was part of. */
  readonly batchRows: number;
}

export interface RunResult {
  readonly version: bigint;
  readonly signature: string;
  readonly outputs: ReadonlyMap<string, Tensor>;
  readonly timing: RunTiming;
}

/** Receives the answer: any number of parts, then exactly one of `done` or `fail`, never after `cancel()`. */
export interface RunSink {
  part(outputs: ReadonlyMap<string, Tensor>): 'more' | 'pause';
  done(result: RunResult): void;
  fail(error: SkyliftError): void;
}

export interface RunHandle {
  /** The caller is gone: a queued job leaves the queue, a running one's result is dropped. The sink is not called again. */
  cancel(): void;
  /** Goes on after `part` answered 'pause'. */
  resume(): void;
}

export interface VersionStatus {
  readonly version: bigint;
  readonly state: VersionState;
  /** Why the version is in END though it was wanted. */
  readonly error: SkyliftError | undefined;
}

export interface ModelStatus {
  readonly name: string;
  readonly versions: readonly VersionStatus[];
}

export interface NamedSignature {
  readonly name: string;
  readonly signature: Signature;
  /** The first dimension of inputs and outputs counts rows. */
  readonly isBatched: boolean;
  /** Tells the signatures of a version apart: digits only. */
  readonly key: string;
}

/** One version that answers requests now. */
export interface ServableVersion {
  readonly model: string;
  readonly version: bigint;
  readonly manifest: PackageManifest;
  /** Of a model repository. */
  readonly configuration: ModelConfiguration | undefined;
  /** Throws SKY_SIGNATURE_NOT_FOUND. @param name default `serving_default`, or the only one there is */
  signature(name: string | undefined): NamedSignature;
}

/** What protocols see of the runtime. */
export interface Runtime {
  /** Never throws and never calls the sink before it returns. */
  submit(request: RunRequest, sink: RunSink): RunHandle;
  /** Throws SKY_MODEL_NOT_FOUND, SKY_UNAVAILABLE (known, but not loaded yet). */
  resolve(model: string, version: VersionSelector): ServableVersion;
  /** Before a request is read that will be submitted. Throws SKY_OVERLOADED: reading it would be in vain. */
  admit(model: string, version: VersionSelector, principal: Principal): void;
  models(): readonly ModelStatus[];
  /** Of the loaded versions. */
  statistics(): readonly ModelStatistics[];
}

/** What one version did since it was loaded. */
export interface ModelStatistics {
  readonly model: string;
  readonly version: bigint;
  readonly statistics: VersionStatistics;
  /** Of its engines. */
  readonly memoryBytes: number;
}

/** What an administrator may do to the models of a running server. */
export interface ModelControl {
  /**
   * Looks at the source of a model now and serves what it has, also after `unload`. Resolves when it answers and nothing
   * more is on its way. Throws SKY_MODEL_NOT_FOUND (no model of the configuration) and what loading throws.
   */
  load(model: string): Promise<void>;
  /** Resolves when the model's memory is given back. Throws SKY_MODEL_NOT_FOUND. */
  unload(model: string): Promise<void>;
  /**
   * Serves these models and no others. Resolves when the new ones answer. Throws SKY_CONFIG_INVALID, SKY_LABEL_UNAVAILABLE,
   * and then nothing has changed; SKY_MODEL_UNAVAILABLE when new models do not answer, the others do.
   */
  reload(configs: readonly ModelConfig[]): Promise<void>;
}
