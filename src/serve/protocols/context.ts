/** What the handlers of every protocol share. */
import type { Clock } from '../../core/clock.ts';
import type { Limits } from '../../core/limits.ts';
import type { ModelControl, Runtime } from '../runtime/requests.ts';

export interface ProtocolContext {
  readonly runtime: Runtime;
  readonly control: ModelControl;
  readonly clock: Clock;
  readonly limits: Limits;
}
