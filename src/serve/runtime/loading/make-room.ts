/** Which versions give their memory back so that another one fits: the ones that nobody asked for longest. Pure. */

/** A version with engines. */
export interface Resident<T> {
  readonly version: T;
  readonly bytes: number;
  /** Monotonic milliseconds of the last request. */
  readonly lastUsedMs: number;
  /** No request waits for it or runs. */
  readonly isIdle: boolean;
}

export type Room<T> =
  /** `sleepers` end first; none when there is room already. */
  | { readonly kind: 'room'; readonly sleepers: readonly T[] }
  /** Others are in use; later there may be room. */
  | { readonly kind: 'busy' }
  /** It would not even fit alone. */
  | { readonly kind: 'never' };

/** @param budgetBytes 0: no bound */
export function makeRoom<T>(
  neededBytes: number,
  residents: readonly Resident<T>[],
  budgetBytes: number,
): Room<T> {
  if (budgetBytes === 0) return { kind: 'room', sleepers: [] };
  if (neededBytes > budgetBytes) return { kind: 'never' };
  let freeBytes = budgetBytes - residents.reduce((sum, { bytes }) => sum + bytes, 0);
  const sleepers: T[] = [];
  const idle = residents.filter(({ isIdle }) => isIdle).sort((a, b) => a.lastUsedMs - b.lastUsedMs);
  for (const { version, bytes } of idle) {
    if (freeBytes >= neededBytes) break;
    sleepers.push(version);
    freeBytes += bytes;
  }
  return freeBytes >= neededBytes ? { kind: 'room', sleepers } : { kind: 'busy' };
}
