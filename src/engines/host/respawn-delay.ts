/** When a crashed engine is started again: at once after a first crash, then later and later. */
import type { Limits } from '../../core/limits.ts';
import type { Rng } from '../../core/random.ts';

/** Longest history that makes a difference: the pause has reached any sensible maximum before. */
export const RESPAWN_HISTORY = 32;

export type RespawnLimits = Pick<
  Limits,
  'respawn_backoff_ms' | 'respawn_backoff_max_ms' | 'respawn_quiet_ms'
>;

/**
 * Milliseconds to wait before the next start. 0 after the first crash in a row; then the pause doubles from
 * `respawn_backoff_ms` to `respawn_backoff_max_ms`, less a random part of up to a half, so that engines that fell together
 * do not start together.
 * @param history times of the crashes and failed starts so far, oldest first, the latest included
 */
export function nextRespawnDelayMs(
  history: readonly number[],
  nowMs: number,
  rng: Rng,
  limits: RespawnLimits,
): number {
  const crashes = crashesInARow(history, nowMs, limits.respawn_quiet_ms);
  if (crashes <= 1) return 0;
  const fullMs = Math.min(limits.respawn_backoff_max_ms, limits.respawn_backoff_ms * 2 ** (crashes - 2));
  return fullMs * (1 - rng.float() / 2);
}

/** Crashes at the end of the history that are less than `quietMs` apart from each other and from now. */
function crashesInARow(history: readonly number[], nowMs: number, quietMs: number): number {
  let laterMs = nowMs;
  let count = 0;
  for (const atMs of history.toReversed()) {
    if (laterMs - atMs >= quietMs) break;
    laterMs = atMs;
    count++;
  }
  return count;
}
