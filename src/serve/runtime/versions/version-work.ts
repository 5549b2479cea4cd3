/** What the versions of a model want done: looks at files, loads, unloads. Answers come later, in any order, once each. */
import type { SkyliftError } from '../../../core/errors.ts';

/** A version that a source offers. */
export interface Offered {
  readonly version: bigint;
}

/** What the files of a version look like from outside. */
export interface VersionLook {
  /** Differs when the files differ. */
  readonly revision: string;
  /** Milliseconds since they last changed, as far as the file system tells; negative when its clock is ahead. */
  readonly quietMs: number;
}

export interface VersionWork<F extends Offered, L> {
  /** undefined: there is nothing that could be looked at. */
  look(found: F, done: (look: VersionLook | undefined) => void): void;
  /** `changed`: the files were not those of `revision` any more while they were read. */
  load(found: F, revision: string, done: (result: L | SkyliftError | 'changed') => void): void;
  /** Finishes what the version has begun, then frees its memory. */
  unload(version: bigint, loaded: L, done: () => void): void;
}
