/** What a configuration says of one model. */
import type { ModelSource } from './model-source.ts';
import type { TransitionOrder, VersionPolicy } from '../versions/version-policy.ts';

export interface ModelConfig {
  readonly name: string;
  /** A model file, a package, or a base path with numbered versions. */
  readonly path: string;
  readonly policy: VersionPolicy;
  /** @default that of the server */
  readonly order?: TransitionOrder;
  readonly labels: ReadonlyMap<string, bigint>;
  /** Finds its versions. @default by its path */
  readonly source?: ModelSource;
  /** Differs when the versions shall be loaded again although their files are the same. */
  readonly revision?: string;
}
