/** What a configuration says of one model. */
import type { TransitionOrder, VersionPolicy } from '../versions/version-policy.ts';

export interface ModelConfig {
  readonly name: string;
  /** A model file, a package, or a base path with numbered versions. */
  readonly path: string;
  readonly policy: VersionPolicy;
  /** @default that of the server */
  readonly order?: TransitionOrder;
  readonly labels: ReadonlyMap<string, bigint>;
}
