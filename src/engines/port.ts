/**
 * The engine port: a native runtime in a process of its own. One contract suite (test/contract/engine.ts) runs against
 * every implementation; a batch engine and a streaming engine fit behind the same verbs.
 */
import type { SkyliftError } from '../core/errors.ts';
import type { PackageFile, PackageHandle } from '../package/manifest.ts';
import type { Tensor } from '../tensor/tensor.ts';

export interface ExitReport {
  /** `closed`: we asked; `killed`: we used SIGKILL; `crashed`: it ended by itself. */
  readonly kind: 'closed' | 'killed' | 'crashed';
  /** Our reason, or the exit code or signal. */
  readonly reason: string;
  /** Last lines of the process's stderr, bounded. */
  readonly stderrTail: string;
}

export type Device = 'cpu' | `cuda:${number}` | 'metal';

/** A folder with the packed form of a package: optimized graphs, and weights as the kernels of this machine want them, to be mapped. */
export interface PackedFolder {
  readonly dir: string;
  /** `read`: load from it; `write`: load the package itself, and leave its packed form there. */
  readonly use: 'read' | 'write';
}

export interface LoadSpec {
  readonly pkg: PackageHandle;
  readonly device: Device;
  /** Threads inside one run. */
  readonly threads: number;
  /** For engine kinds that have a packed form. @default the package itself is loaded */
  readonly packed?: PackedFolder;
}

export interface MemoryReport {
  readonly rssBytes: number;
  /** Memory that only this process has; undefined where the platform cannot tell. */
  readonly privateBytes: number | undefined;
  /** The part that comes from no file and has to stay in memory or swap; undefined where the platform cannot tell. */
  readonly anonymousBytes: number | undefined;
}

/** One request for a session. Inputs stand in the order of the signature. */
export interface EngineJob {
  /** Unique among the jobs in flight on the session. */
  readonly id: number;
  readonly signature: string;
  /** Length of the batch axis; 1 where the program has none. */
  readonly rows: number;
  readonly inputs: readonly Tensor[];
  readonly params: ReadonlyMap<string, string | bigint | number | boolean>;
}

/** What a session tells of its jobs. Exactly one of `done` or `fail` per dispatched job, unless the engine exits first. */
export interface EngineSink {
  /** A piece of a streamed answer. */
  part(job: number, outputs: readonly Tensor[]): void;
  /** Outputs stand in the order of the signature and are views over one received buffer. */
  done(job: number, outputs: readonly Tensor[]): void;
  fail(job: number, error: SkyliftError): void;
  /** The dispatch is over and the engine takes the next one. `ranUs`: microseconds in native code. */
  finished(jobs: readonly number[], ranUs: number): void;
}

export type Capacity =
  | { readonly kind: 'batch'; readonly maxRows: number }
  | { readonly kind: 'slots'; readonly slots: number };

export interface Session {
  readonly capacity: Capacity;
  /**
   * Hands over jobs that agree in signature, dtypes and all dims but the first: a batch engine runs them as one.
   * If the combined run fails, the engine runs them one by one, so that one bad input fails alone.
   */
  dispatch(jobs: readonly EngineJob[], sink: EngineSink): void;
  /** The result is not wanted any more: a streaming engine stops, a batch engine finishes and the result is dropped. */
  drop(job: number): void;
  memory(): Promise<MemoryReport>;
  unload(): Promise<void>;
}

export interface Engine {
  readonly id: number;
  readonly pid: number;
  /** Resolves, never rejects. After it no sink is called any more. */
  readonly exited: Promise<ExitReport>;
  /** Throws SKY_ENGINE_LOAD, SKY_ENGINE_TIMEOUT, SKY_ENGINE_LOST. */
  load(spec: LoadSpec): Promise<Session>;
  /** SIGKILL, at once. */
  kill(reason: string): void;
  /** Ends the process in order; kills it after a second. */
  close(): Promise<void>;
}

export interface LaunchSpec {
  /** RLIMIT_DATA of the process in bytes, where the platform has it. */
  readonly memoryBytes: number;
}

/** The packed form of an engine kind. */
export interface Packing {
  /** Versions, options and features of the machine: another value of any of them asks for another packed form. */
  readonly traits: readonly string[];
  /** Files of the packed form of a package that may be there, as names and roles of a package. */
  files(pkg: PackageHandle): readonly Pick<PackageFile, 'path' | 'role'>[];
}

/** Starts engine processes of one kind. */
export interface EngineLauncher {
  readonly kind: string;
  /** What the packed form depends on beside the package. @default the kind has no packed form */
  readonly packing?: Packing;
  /** Resolves when the process has said hello. Throws SKY_ENGINE_START. */
  launch(spec: LaunchSpec): Promise<Engine>;
}
