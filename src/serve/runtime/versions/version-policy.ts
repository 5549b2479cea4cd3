/** Which versions of a model shall answer, and in which order they come and go. Pure. */
import { unreachable } from '../../../core/errors.ts';
import type { VersionState } from './version-state.ts';

/** TensorFlow Serving's ServableVersionPolicy (config/file_system_storage_path_source.proto). */
export type VersionPolicy =
  | { readonly kind: 'latest'; readonly count: number }
  | { readonly kind: 'all' }
  | { readonly kind: 'specific'; readonly versions: readonly bigint[] };

export const LATEST_ONE: VersionPolicy = { kind: 'latest', count: 1 };

/**
 * `load-first`: one version answers at any time, two take memory during a change (availability preserving).
 * `unload-first`: never more memory than the wanted versions need, nobody answers during a change (resource preserving).
 */
export type TransitionOrder = 'load-first' | 'unload-first';

export interface VersionSnapshot {
  readonly version: bigint;
  readonly state: VersionState;
  readonly isWanted: boolean;
}

export interface Move {
  readonly kind: 'load' | 'unload';
  readonly version: bigint;
}

/**
 * The wanted ones of `usable`, highest first. `usable` leaves out versions that cannot be loaded now, so that an older
 * one stands in for the newest while that is broken or still being copied.
 */
export function chooseVersions(usable: readonly bigint[], policy: VersionPolicy): bigint[] {
  const newestFirst = usable.toSorted((a, b) => (a < b ? 1 : -1));
  switch (policy.kind) {
    case 'latest':
      return newestFirst.slice(0, policy.count);
    case 'all':
      return newestFirst;
    case 'specific':
      return newestFirst.filter((version) => policy.versions.includes(version));
    default:
      return unreachable(policy);
  }
}

/**
 * What to begin now: at most one load, highest version first, and the unloads that cost nobody an answer. Without any
 * wanted version nothing is unloaded: whoever takes a model away says so.
 */
export function nextMoves(snapshots: readonly VersionSnapshot[], order: TransitionOrder): Move[] {
  const wanted = snapshots.filter(({ isWanted }) => isWanted);
  if (wanted.length === 0) return [];
  const leaving = snapshots.filter(({ isWanted, state }) => !isWanted && state === 'AVAILABLE');
  const isAnswered = wanted.some(({ state }) => state === 'AVAILABLE');
  const stays = order === 'load-first' && !isAnswered ? highest(leaving) : undefined;
  const unloads = leaving
    .filter((snapshot) => snapshot !== stays)
    .map(({ version }): Move => ({ kind: 'unload', version }));
  const isRoomThere = order === 'load-first' || !snapshots.some(isStillThere);
  const isLoading = snapshots.some(({ state }) => state === 'LOADING');
  const next = highest(wanted.filter(({ state }) => state === 'START'));
  const loads: Move[] = next && isRoomThere && !isLoading ? [{ kind: 'load', version: next.version }] : [];
  return [...unloads, ...loads];
}

function isStillThere({ isWanted, state }: VersionSnapshot): boolean {
  return !isWanted && (state === 'AVAILABLE' || state === 'UNLOADING');
}

function highest(snapshots: readonly VersionSnapshot[]): VersionSnapshot | undefined {
  let best: VersionSnapshot | undefined;
  for (const snapshot of snapshots) if (!best || snapshot.version > best.version) best = snapshot;
  return best;
}
