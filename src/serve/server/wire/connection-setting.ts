/** What the connections of one listener share, and how any of them ends. */
import type { Socket } from 'node:net';
import type { Clock } from '../../../core/clock.ts';
import type { Log } from '../../../core/log.ts';
import type { Backlog } from './backlog.ts';
import type { Outbox } from './outbox.ts';
import type { WireHandler } from './wire.ts';

export interface ConnectionSetting {
  readonly handler: WireHandler;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly log: Log;
  readonly backlog: Backlog;
  readonly lingerMs: number;
  isDraining: boolean;
}

/** Ends our side, and drops what the client still sends for a while, so that no reset overtakes the last reply. */
export function linger(socket: Socket, { clock, lingerMs }: ConnectionSetting): void {
  socket.end();
  socket.resume();
  const timer = clock.setTimer(clock.nowMs() + lingerMs, () => socket.destroy());
  socket.once('close', () => clock.clear(timer));
}
