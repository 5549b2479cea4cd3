/** What the handlers of every protocol share. */
import type { Clock } from '../../core/clock.ts';
import type { Limits } from '../../core/limits.ts';
import type { Runtime } from '../runtime/requests.ts';

export interface ProtocolContext {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly limits: Limits;
}
