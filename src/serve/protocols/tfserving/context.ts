/** What the handlers of the REST API share. */
import type { Clock } from '../../../core/clock.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Runtime } from '../../runtime/requests.ts';

export interface TfservingContext {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly limits: Limits;
}
