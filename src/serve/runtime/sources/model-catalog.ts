/**
 * The models that a server is told to serve: keeps the runtime's wishes in step with their sources, and changes the whole
 * set at once when a new configuration comes.
 */
import type { Clock } from '../../../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../../../core/errors.ts';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import { Repeat } from '../../../core/repeat.ts';
import type { ModelRuntime } from '../model-runtime.ts';
import type { ModelControl } from '../requests.ts';
import type { TransitionOrder } from '../versions/version-policy.ts';
import type { ModelConfig } from './model-config.ts';
import type { FoundVersion, ModelSource } from './model-source.ts';

export interface CatalogOptions {
  readonly runtime: ModelRuntime;
  readonly createSource: (path: string) => ModelSource;
  /** The configuration that a model has now, asked when it shall be loaded; undefined: as it was. @default as it was */
  readonly find?: ((model: string) => Promise<ModelConfig | undefined>) | undefined;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  /** Of models whose configuration does not say. */
  readonly order: TransitionOrder;
  /** New labels may name versions that do not answer yet. */
  readonly allowsEarlyLabels: boolean;
}

/** A configuration whose sources were listed once. */
export interface ListedModel {
  readonly config: ModelConfig;
  readonly source: ModelSource;
  readonly versions: readonly FoundVersion[];
}

interface WatchedModel {
  readonly config: ModelConfig;
  /** undefined: unloaded on request, the source is not listed. */
  readonly watch: Repeat | undefined;
}

export class ModelCatalog implements ModelControl {
  readonly #options: CatalogOptions;
  readonly #models = new Map<string, WatchedModel>();
  /** By model, until its source can be listed again: a configuration that is tried again need not tell the same twice. */
  readonly #toldFailures = new Map<string, string>();
  #change: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(options: CatalogOptions) {
    this.#options = options;
  }

  /**
   * Looks at the sources; nothing changes yet. Throws the first failure of a source; with `isPatient` a source without
   * versions is only logged, its versions may come later. Throws SKY_CONFIG_INVALID for a name that is empty or stands twice.
   */
  async list(configs: readonly ModelConfig[], isPatient: boolean): Promise<readonly ListedModel[]> {
    requireNames(configs);
    return Promise.all(configs.map((config) => this.#listOne(config, isPatient)));
  }

  /** Serves these models and no others. Those that were served already go on without a gap, also from another path. */
  serve(listed: readonly ListedModel[]): void {
    const names = new Set(listed.map(({ config }) => config.name));
    for (const [name, { watch }] of this.#models) {
      if (names.has(name)) continue;
      watch?.close();
      this.#models.delete(name);
      this.#toldFailures.delete(name);
      this.#options.runtime.remove(name);
    }
    for (const each of listed) this.#serveOne(each);
  }

  /** Knows these models without serving them: they wait for somebody to load them. */
  know(configs: readonly ModelConfig[]): void {
    requireNames(configs);
    const { runtime, order } = this.#options;
    for (const config of configs) {
      runtime.wish(config.name, { offered: [], policy: config.policy, order });
      void runtime.unload(config.name);
      this.#models.set(config.name, { config, watch: undefined });
    }
  }

  async reload(configs: readonly ModelConfig[]): Promise<void> {
    const added = configs.map(({ name }) => name).filter((name) => !this.#models.has(name));
    await this.change(configs);
    const { runtime } = this.#options;
    const outcomes = await Promise.allSettled(added.map((name) => runtime.whenStarted(name)));
    const failed = added.filter((_, i) => outcomes[i]?.status === 'rejected');
    if (failed.length > 0)
      throw new SkyliftError(
        'SKY_MODEL_UNAVAILABLE',
        `${failed.length} model(s) did not become available: {${failed.join(', ')}}`,
      );
  }

  /**
   * Serves these models and no others, from a running server's point of view: changes come one after the other, and what
   * is wrong changes nothing. Resolves when the sources were listed; loading goes on. Throws SKY_CONFIG_INVALID,
   * SKY_LABEL_UNAVAILABLE.
   */
  change(configs: readonly ModelConfig[]): Promise<void> {
    const change = this.#change.then(() => this.#changeNow(configs));
    this.#change = change.catch(() => {});
    return change;
  }

  async load(model: string): Promise<void> {
    const before = this.#models.get(model)?.config;
    const config = (await this.#options.find?.(model)) ?? this.#watched(model).config;
    const listed = await this.#listOne(config, false);
    if (this.#models.get(model)?.config !== before) return this.load(model); // it was changed meanwhile
    if (this.#isClosed) throw new SkyliftError('SKY_DRAINING', `model ${model}: the server is shutting down`);
    this.#serveOne(listed);
    await this.#options.runtime.whenStarted(model);
  }

  async unload(model: string): Promise<void> {
    const { config, watch } = this.#watched(model);
    watch?.close();
    this.#models.set(model, { config, watch: undefined }); // a listing under way has nobody to tell
    await this.#options.runtime.unload(model);
  }

  #watched(model: string): WatchedModel {
    const watched = this.#models.get(model);
    if (watched) return watched;
    throw new SkyliftError('SKY_MODEL_NOT_FOUND', `no model ${model} in the configuration of this server`, {
      hint: 'Add it to the model config file, or start the server with it.',
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const { watch } of this.#models.values()) watch?.close();
  }

  async #changeNow(configs: readonly ModelConfig[]): Promise<void> {
    requireNames(configs);
    for (const config of configs) this.#requireLabels(config);
    const listed = await this.list(configs, true);
    if (!this.#isClosed) this.serve(listed);
  }

  /** Labels are checked before anything is loaded, as in the original: first the version, then its label. */
  #requireLabels({ name, labels }: ModelConfig): void {
    const { runtime, allowsEarlyLabels } = this.#options;
    const before = this.#models.get(name)?.config.labels ?? new Map<string, bigint>();
    for (const [label, version] of labels) {
      if (allowsEarlyLabels && !before.has(label)) continue;
      if (before.get(label) !== version && !runtime.answers(name, version))
        throw labelUnavailable(name, version);
    }
  }

  async #listOne(config: ModelConfig, isPatient: boolean): Promise<ListedModel> {
    const source = config.source ?? this.#options.createSource(config.path);
    try {
      const versions = await source.list();
      this.#toldFailures.delete(config.name);
      return { config, source, versions };
    } catch (error) {
      const failure = toSkyliftError(error);
      if (!isPatient || !mayComeLater(failure)) throw failure;
      this.#logFailure(config, failure);
      return { config, source, versions: [] };
    }
  }

  #serveOne({ config, source, versions }: ListedModel): void {
    const { runtime, clock, limits } = this.#options;
    const { name, policy, order = this.#options.order, labels } = config;
    const before = this.#models.get(name);
    before?.watch?.close();
    const tell = (offered: readonly FoundVersion[]): void => runtime.wish(name, { offered, policy, order });
    if (before && (before.config.path !== config.path || before.config.revision !== config.revision))
      runtime.replace(name, { offered: versions, policy, order });
    else tell(versions);
    runtime.setLabels(name, labels);
    const watch: Repeat = new Repeat({
      clock,
      pauseMs: limits.version_poll_ms,
      run: async () => {
        const offered = await source.list();
        if (this.#isClosed || this.#models.get(name)?.watch !== watch) return;
        this.#toldFailures.delete(name);
        tell(offered);
      },
      onFailure: (failure) => this.#logFailure(config, failure),
    });
    this.#models.set(name, { config, watch });
  }

  /** In TensorFlow Serving's words: people search their logs for them. */
  #logFailure({ name, path }: ModelConfig, failure: SkyliftError): void {
    const { code, message } = failure;
    if (this.#toldFailures.get(name) === message) return;
    this.#toldFailures.set(name, message);
    const text =
      code === 'SKY_MODEL_NO_VERSIONS'
        ? `No versions of servable ${name} found under base path ${path}. Did you forget to name your leaf directory as a number (eg. '/1/')?`
        : `Could not find base path ${path} for servable ${name}`;
    this.#options.log('warn', text, { model: name, code, reason: message });
  }
}

/** In the words of the original, which clients match on. */
function labelUnavailable(model: string, version: bigint): SkyliftError {
  return new SkyliftError(
    'SKY_LABEL_UNAVAILABLE',
    `Request to assign label to version ${version} of model ${model}, which is not currently available for inference`,
  );
}

function mayComeLater({ code }: SkyliftError): boolean {
  return code === 'SKY_MODEL_NOT_FOUND' || code === 'SKY_MODEL_NO_VERSIONS';
}

function requireNames(configs: readonly ModelConfig[]): void {
  const names = new Set<string>();
  for (const { name, path } of configs) {
    if (name === '')
      throw new SkyliftError('SKY_CONFIG_INVALID', `the model ${path} has an empty name`, {
        hint: 'Give it a name; it is part of the URL.',
      });
    if (names.has(name))
      throw new SkyliftError(
        'SKY_CONFIG_INVALID',
        `Illegal to list model ${name} multiple times in config list`,
        { hint: 'Give each model a name of its own.' },
      );
    names.add(name);
  }
}
