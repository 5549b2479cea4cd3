/** What the URLs of all protocols name. */
import type { VersionSelector } from '../runtime/requests.ts';
import { invalidRequest } from './failures.ts';

const MAX_INT64 = 2n ** 63n - 1n;

export interface ModelPath {
  readonly model: string;
  readonly version: VersionSelector;
}

/** The version that `digits` spell. Throws SKY_REQUEST_INVALID beyond int64, in TensorFlow Serving's words. */
export function numberedVersion(digits: string): VersionSelector {
  const version = BigInt(digits);
  if (version > MAX_INT64) throw invalidRequest(`Failed to convert version: ${digits} to numeric.`);
  return { kind: 'version', version };
}
