/**
 * The port between the walk over nested lists and the loops that read numbers: a sink takes runs of plain numbers
 * quickly and single tokens exactly, and holds what it read in one growing typed array.
 */

/** What became of one token: taken, an integer outside of the type's range, or no value of the type at all. */
export type TokenOutcome = 'taken' | 'range' | 'wrong-type';

/** Position and progress of one scan; the sink's loop moves `at` and `count`. */
export interface ScanState {
  readonly bytes: Uint8Array;
  /** Over the same bytes, for loads of four digits at a time. */
  readonly view: DataView;
  /** Offset of the next byte. */
  at: number;
  /** Numbers in the sink. */
  count: number;
  /** Size that innermost lists must have, known from the first one on; -1 before, and where there is no outer list. */
  listSize: number;
  /** `count` at the start of the innermost list. */
  listStart: number;
  /** Innermost lists that `takeRun` closed and followed by the next; whoever called it counts them. */
  listsClosed: number;
}

export interface NumberSink {
  /** Elements that fit before `grow` must be called. */
  readonly room: number;
  grow(room: number): void;
  /**
   * Takes numbers in plain spelling, each followed by a comma or what ends the run, from `state.at` on. It may go from
   * one innermost list of the right size to the next. True: an element is due at `state.at` (perhaps none was taken).
   * False: at least one was taken, and no comma follows.
   */
  takeRun(state: ScanState): boolean;
  /** Takes one number token, whatever its spelling, as element `count`. */
  takeToken(token: string, count: number): TokenOutcome;
  /** The first `count` elements as little-endian bytes at offset 0 of their buffer. */
  finish(count: number): Uint8Array;
}

/** Length of `],[` or `], [` at `at` if a number follows: the innermost list ends and the next begins; otherwise 0. */
export function listGap(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 93 || bytes[at + 1] !== 44) return 0;
  const open = bytes[at + 2] === 32 ? at + 3 : at + 2;
  const first = bytes[open + 1] ?? 0; // a digit or a minus, to leave empty lists to others
  return bytes[open] === 91 && first >= 45 && first <= 57 ? open + 1 - at : 0;
}
