/**
 * The versions of one model: which are offered, which are wanted, which answer. A state machine on an injected clock whose
 * effects go through `VersionWork`, so that the simulation runs this very code. A version that is still being copied or
 * cannot be loaded never takes the place of one that answers.
 */
import type { Clock, TimerHandle } from '../../../core/clock.ts';
import { isSkyliftError } from '../../../core/errors.ts';
import type { SkyliftError } from '../../../core/errors.ts';
import type { VersionStatus } from '../requests.ts';
import type { VersionState } from './version-state.ts';
import { isWorthRetrying } from './retry.ts';
import { chooseVersions, LATEST_ONE, nextMoves } from './version-policy.ts';
import type { TransitionOrder, VersionPolicy } from './version-policy.ts';
import type { Offered, VersionLook, VersionWork } from './version-work.ts';

export interface VersionsOptions<F extends Offered, L> {
  readonly clock: Clock;
  readonly work: VersionWork<F, L>;
  /** Files are taken up when they did not change for so long. */
  readonly settleMs: number;
  /** A failed load is tried so many times more when another try may help. */
  readonly maxRetries: number;
  readonly retryAfterMs: number;
  readonly onEvent: (event: VersionEvent<L>) => void;
}

export type VersionEvent<L> =
  | { readonly kind: 'loading' | 'unloading' | 'unloaded' | 'changing'; readonly version: bigint }
  | { readonly kind: 'loaded'; readonly version: bigint; readonly loaded: L }
  /** Without `retryInMs` the version is tried again when its files change. */
  | {
      readonly kind: 'failed';
      readonly version: bigint;
      readonly error: SkyliftError;
      readonly retryInMs: number | undefined;
    };

/** What a source offers of a model, and what shall be made of it. */
export interface VersionWish<F extends Offered> {
  readonly offered: readonly F[];
  readonly policy: VersionPolicy;
  readonly order: TransitionOrder;
}

/** How far a model is. `empty`: nothing is offered. */
export type Progress =
  | { readonly kind: 'pending' | 'answers' | 'empty' }
  | { readonly kind: 'failed'; readonly error: SkyliftError };

/**
 * What is known of the files of a version: `young` ones changed lately, `changing` ones were seen to change, `resting`
 * and `broken` ones could not be loaded, `broken` ones are not tried again before they change.
 */
type Files = 'unknown' | 'young' | 'changing' | 'settled' | 'resting' | 'broken';

interface Entry<F, L> {
  readonly version: bigint;
  /** undefined: not offered any more. */
  offered: F | undefined;
  state: VersionState;
  isWanted: boolean;
  error: SkyliftError | undefined;
  loaded: L | undefined;
  files: Files;
  isLooking: boolean;
  /** What was seen last, and since when it looks like that. */
  seen: { readonly revision: string; readonly sinceMs: number } | undefined;
  failures: number;
  timer: TimerHandle | undefined;
}

/** Broken versions whose files are looked at again whenever the source is listed: the newest. */
const WATCHED_BROKEN = 16;
/** Unloaded versions whose end the status still tells. */
const REMEMBERED_ENDS = 16;

export class ModelVersions<F extends Offered, L> {
  readonly #options: VersionsOptions<F, L>;
  readonly #entries = new Map<bigint, Entry<F, L>>();
  #wish: VersionWish<F> = { offered: [], policy: LATEST_ONE, order: 'load-first' };
  #latest: L | undefined;
  #isRemoved = false;

  constructor(options: VersionsOptions<F, L>) {
    this.#options = options;
  }

  /** The highest version that answers. */
  get latest(): L | undefined {
    return this.#latest;
  }

  /** The version, when it answers. */
  get(version: bigint): L | undefined {
    const entry = this.#entries.get(version);
    return entry?.state === 'AVAILABLE' ? entry.loaded : undefined;
  }

  /** Wanted, but not answering yet. */
  isOnItsWay(version: bigint): boolean {
    const entry = this.#entries.get(version);
    return entry !== undefined && isPending(entry);
  }

  /** Versions that take memory, also those that are being unloaded. */
  loaded(): L[] {
    return [...this.#entries.values()].flatMap(({ loaded }) => (loaded === undefined ? [] : [loaded]));
  }

  /** Versions that are or were wanted. */
  statuses(): VersionStatus[] {
    return [...this.#entries.values()]
      .filter(({ isWanted, state, error }) => isWanted || state !== 'START' || error !== undefined)
      .map(({ version, state, error }) => ({ version, state, error }));
  }

  progress(): Progress {
    const entries = [...this.#entries.values()];
    if (entries.some(isPending)) return { kind: 'pending' };
    if (this.#latest !== undefined) return { kind: 'answers' };
    const failed = entries.filter(({ error }) => error !== undefined).sort(newestFirst)[0];
    return failed?.error ? { kind: 'failed', error: failed.error } : { kind: 'empty' };
  }

  /** What the source offers now. Versions that are not offered any more go when another one answers. */
  wish(wish: VersionWish<F>): void {
    this.#wish = wish;
    this.#isRemoved = false;
    const offered = new Map(wish.offered.map((each) => [each.version, each]));
    for (const [version, each] of offered) {
      const entry = this.#entries.get(version) ?? this.#add(version);
      entry.offered = each;
    }
    for (const entry of this.#entries.values()) if (!offered.has(entry.version)) this.#withdraw(entry);
    const broken = [...this.#entries.values()].filter(({ files }) => files === 'broken').sort(newestFirst);
    for (const entry of broken.slice(0, WATCHED_BROKEN)) this.#look(entry);
    this.#advance();
  }

  /** Nobody wishes for the model any more. */
  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** Some version takes memory, or will. */
  get isBusy(): boolean {
    return [...this.#entries.values()].some(
      ({ state, loaded }) => loaded !== undefined || state === 'LOADING',
    );
  }

  /** The model is not served any more: what answers is unloaded, what loads is unloaded then. A new wish brings it back. */
  remove(): void {
    this.#isRemoved = true;
    for (const entry of this.#entries.values()) this.#withdraw(entry);
    this.#advance();
  }

  /** Nothing begins any more, results of what was begun are still taken. */
  close(): void {
    this.#isRemoved = true;
    for (const entry of this.#entries.values()) this.#disarm(entry);
  }

  #add(version: bigint): Entry<F, L> {
    const entry: Entry<F, L> = {
      version,
      offered: undefined,
      state: 'START',
      isWanted: false,
      error: undefined,
      loaded: undefined,
      files: 'unknown',
      isLooking: false,
      seen: undefined,
      failures: 0,
      timer: undefined,
    };
    this.#entries.set(version, entry);
    return entry;
  }

  #withdraw(entry: Entry<F, L>): void {
    entry.offered = undefined;
    this.#disarm(entry);
    const isForgotten = entry.state === 'START' || (entry.state === 'END' && entry.error !== undefined);
    if (isForgotten) this.#entries.delete(entry.version);
  }

  #advance(): void {
    const { policy, order } = this.#wish;
    const entries = [...this.#entries.values()];
    const wanted = new Set(
      chooseVersions(
        entries.filter(isUsable).map(({ version }) => version),
        policy,
      ),
    );
    for (const entry of entries) {
      entry.isWanted = wanted.has(entry.version);
      if (entry.isWanted && entry.state === 'END') entry.state = 'START';
    }
    if (this.#isRemoved) {
      for (const entry of entries) if (entry.state === 'AVAILABLE') this.#unload(entry);
      return;
    }
    for (const { kind, version } of nextMoves(entries, order)) {
      const entry = this.#entries.get(version);
      if (!entry) continue;
      if (kind === 'unload') this.#unload(entry);
      else if (entry.files === 'settled') this.#load(entry);
      else if (entry.files === 'unknown') this.#look(entry);
    }
  }

  #look(entry: Entry<F, L>): void {
    const { offered } = entry;
    if (entry.isLooking || offered === undefined) return;
    entry.isLooking = true;
    this.#options.work.look(offered, (look) => {
      entry.isLooking = false;
      if (entry.offered === undefined || entry.loaded !== undefined) return;
      if (look) this.#seen(entry, look);
      else this.#entries.delete(entry.version); // it is gone; the source will tell if it comes back
      this.#advance();
    });
  }

  #seen(entry: Entry<F, L>, look: VersionLook): void {
    const { clock, settleMs } = this.#options;
    const now = clock.nowMs();
    const before = entry.seen;
    const isSame = before?.revision === look.revision;
    if (entry.files === 'broken' && isSame) return;
    if (!isSame) entry.seen = { revision: look.revision, sinceMs: now };
    const quietMs = Math.max(look.quietMs, now - (entry.seen?.sinceMs ?? now));
    if (quietMs >= settleMs) {
      if (!isSame) entry.failures = 0;
      entry.files = 'settled';
      return;
    }
    const wasSeenToChange = before !== undefined && !isSame;
    if (wasSeenToChange && entry.files !== 'changing')
      this.#options.onEvent({ kind: 'changing', version: entry.version });
    entry.files = wasSeenToChange || entry.files === 'changing' ? 'changing' : 'young';
    this.#arm(entry, settleMs - Math.max(0, quietMs), () => this.#look(entry));
  }

  #load(entry: Entry<F, L>): void {
    const { offered, seen } = entry;
    if (offered === undefined || seen === undefined) return;
    entry.state = 'LOADING';
    entry.error = undefined;
    this.#options.onEvent({ kind: 'loading', version: entry.version });
    this.#options.work.load(offered, seen.revision, (result) => {
      if (result === 'changed') this.#changed(entry);
      else if (isSkyliftError(result)) this.#failed(entry, result);
      else this.#publish(entry, result);
      this.#advance();
    });
  }

  #publish(entry: Entry<F, L>, loaded: L): void {
    entry.loaded = loaded;
    entry.state = 'AVAILABLE';
    entry.failures = 0;
    this.#findLatest();
    this.#options.onEvent({ kind: 'loaded', version: entry.version, loaded });
  }

  #changed(entry: Entry<F, L>): void {
    entry.state = 'START';
    entry.files = 'changing';
    this.#options.onEvent({ kind: 'changing', version: entry.version });
    this.#arm(entry, this.#options.settleMs, () => this.#look(entry));
    if (entry.offered === undefined) this.#withdraw(entry);
  }

  #failed(entry: Entry<F, L>, error: SkyliftError): void {
    const { maxRetries, retryAfterMs } = this.#options;
    const isRetried = isWorthRetrying(error) && entry.failures < maxRetries;
    entry.failures++;
    entry.error = error;
    entry.state = isRetried ? 'START' : 'END';
    entry.files = isRetried ? 'resting' : 'broken';
    const retryInMs = isRetried ? retryAfterMs : undefined;
    this.#options.onEvent({ kind: 'failed', version: entry.version, error, retryInMs });
    if (isRetried)
      this.#arm(entry, retryAfterMs, () => {
        entry.files = 'unknown';
        this.#advance();
      });
    if (entry.offered === undefined) this.#withdraw(entry);
  }

  #unload(entry: Entry<F, L>): void {
    const { loaded, version } = entry;
    if (loaded === undefined) return;
    entry.state = 'UNLOADING';
    this.#findLatest();
    this.#options.onEvent({ kind: 'unloading', version });
    this.#options.work.unload(version, loaded, () => {
      entry.loaded = undefined;
      entry.state = 'END';
      entry.files = 'unknown';
      entry.seen = undefined;
      this.#options.onEvent({ kind: 'unloaded', version });
      this.#forgetEnds();
      this.#advance();
    });
  }

  #findLatest(): void {
    const answering = [...this.#entries.values()].filter(({ state }) => state === 'AVAILABLE');
    this.#latest = answering.sort(newestFirst)[0]?.loaded;
  }

  #forgetEnds(): void {
    const ended = [...this.#entries.values()]
      .filter(({ state, offered }) => state === 'END' && offered === undefined)
      .sort(newestFirst);
    for (const { version } of ended.slice(REMEMBERED_ENDS)) this.#entries.delete(version);
  }

  #arm(entry: Entry<F, L>, inMs: number, fn: () => void): void {
    const { clock } = this.#options;
    this.#disarm(entry);
    entry.timer = clock.setTimer(clock.nowMs() + inMs, () => {
      entry.timer = undefined;
      fn();
    });
  }

  #disarm(entry: Entry<F, L>): void {
    if (entry.timer) this.#options.clock.clear(entry.timer);
    entry.timer = undefined;
  }
}

/** Counts when versions are chosen: offered, and loaded or worth a try now. */
function isUsable({ offered, loaded, state, files }: Entry<unknown, unknown>): boolean {
  if (offered === undefined) return false;
  if (loaded !== undefined) return state === 'AVAILABLE' || state === 'UNLOADING';
  return files !== 'changing' && files !== 'resting' && files !== 'broken';
}

function isPending({ isWanted, state, files }: Entry<unknown, unknown>): boolean {
  return files === 'changing' || (isWanted && (state === 'START' || state === 'LOADING'));
}

function newestFirst(a: Offered, b: Offered): number {
  return a.version < b.version ? 1 : -1;
}
