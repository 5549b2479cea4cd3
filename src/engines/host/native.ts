/** What an engine process wants of the native runtime in it. */
import type { Tensor } from '../../tensor/tensor.ts';
import type { Capacity, EngineJob, LoadSpec } from '../port.ts';

export type Params = EngineJob['params'];

/** A streamed answer: yields parts, returns the outputs. */
export type NativeStream = AsyncGenerator<readonly Tensor[], readonly Tensor[], void>;

export type NativeAnswer = readonly Tensor[] | Promise<readonly Tensor[]> | NativeStream;

export interface NativeSession {
  /** `batch`: one run after the other; `slots`: runs go on at the same time. */
  readonly capacity: Capacity;
  /** Inputs and outputs stand in the order of the signature. Inputs are views that may be unaligned. */
  run(signature: string, inputs: readonly Tensor[], params: Params): NativeAnswer;
  unload(): void;
}

export interface NativeLoadSpec extends LoadSpec {
  /** Rows that the caller wants to combine at most. */
  readonly maxRows: number;
}

export interface NativeEngine {
  /** Names and versions of the libraries, for the log. */
  readonly versions: Readonly<Record<string, string>>;
  load(spec: NativeLoadSpec): Promise<NativeSession>;
}
