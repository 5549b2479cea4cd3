/** One model under its name: its versions, its labels, and the versions of another source that shall take its place. */
import type { VersionSelector, VersionStatus } from '../requests.ts';
import { ModelVersions } from './model-versions.ts';
import type { Progress, VersionsOptions, VersionWish } from './model-versions.ts';
import type { Offered } from './version-work.ts';

export class ServedModel<F extends Offered, L> {
  readonly #options: VersionsOptions<F, L>;
  #versions: ModelVersions<F, L>;
  /** Of another source, until they answer. */
  #successor: ModelVersions<F, L> | undefined;
  #labels: ReadonlyMap<string, bigint> = new Map();

  constructor(options: VersionsOptions<F, L>) {
    const onEvent: typeof options.onEvent = (event) => {
      this.#promote();
      options.onEvent(event);
    };
    this.#options = { ...options, onEvent };
    this.#versions = new ModelVersions(this.#options);
  }

  /** What the source offers now. */
  wish(wish: VersionWish<F>): void {
    this.#newest.wish(wish);
  }

  /** As `wish`, for another source: what answers goes on until the versions of the new one do. */
  replace(wish: VersionWish<F>): void {
    this.#successor?.remove();
    this.#successor = new ModelVersions(this.#options);
    this.#successor.wish(wish);
  }

  /** Labels instead of those that it had. */
  setLabels(labels: ReadonlyMap<string, bigint>): void {
    this.#labels = labels;
  }

  /** Nobody wishes for the model any more, until the next wish. */
  remove(): void {
    this.#successor?.remove();
    this.#successor = undefined;
    this.#versions.remove();
  }

  /** Nothing begins any more. */
  close(): void {
    this.#versions.close();
    this.#successor?.close();
  }

  get isRemoved(): boolean {
    return this.#newest.isRemoved;
  }

  /** Some version takes memory, or will. */
  get isBusy(): boolean {
    return this.#versions.isBusy || this.#successor?.isBusy === true;
  }

  /** The highest version that answers. */
  get latest(): L | undefined {
    return this.#versions.latest;
  }

  /** Of the source that was given last. */
  progress(): Progress {
    return this.#newest.progress();
  }

  statuses(): readonly VersionStatus[] {
    return this.#versions.statuses();
  }

  /** Versions that take memory. */
  loaded(): L[] {
    return [...this.#versions.loaded(), ...(this.#successor?.loaded() ?? [])];
  }

  /** What a selector means now: a known label is the version that has it. */
  meaning(selector: VersionSelector): VersionSelector {
    if (selector.kind !== 'label') return selector;
    const version = this.#labels.get(selector.label);
    return version === undefined ? selector : { kind: 'version', version };
  }

  /** The version, when it answers. On the path of every request: no allocation. @param selector as `meaning` gives it */
  find(selector: VersionSelector): L | undefined {
    if (selector.kind === 'latest') return this.#versions.latest;
    return selector.kind === 'version' ? this.#versions.get(selector.version) : undefined;
  }

  /** Not answering yet, but worth another try. @param selector as `meaning` gives it */
  isOnItsWay(selector: VersionSelector): boolean {
    if (selector.kind === 'version') return this.#versions.isOnItsWay(selector.version);
    return selector.kind === 'latest' && this.#versions.progress().kind === 'pending';
  }

  get #newest(): ModelVersions<F, L> {
    return this.#successor ?? this.#versions;
  }

  /** The versions of a new source answer: those of the old one go. */
  #promote(): void {
    if (this.#successor?.progress().kind !== 'answers') return;
    const old = this.#versions;
    this.#versions = this.#successor;
    this.#successor = undefined;
    old.remove();
  }
}
