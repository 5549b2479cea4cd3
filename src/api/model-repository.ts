/**
 * A model repository in Triton's layout, `<model>/config.pbtxt` and `<model>/<version>/model.onnx`: the models in it, each
 * with what its file says. A wrong file is the failure of its own model.
 */
import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { systemClock } from '../core/clock.ts';
import { SkyliftError, toSkyliftError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import { Repeat } from '../core/repeat.ts';
import { usableCores } from '../core/usable-cores.ts';
import { errnoOf, fileFailure, isAbsence } from '../package/file-failure.ts';
import type { Importer } from '../package/importer.ts';
import { locateModel } from '../package/locate.ts';
import type { PackageHandle } from '../package/manifest.ts';
import { readSettingsText } from '../package/settings-file.ts';
import type { PackageStore } from '../package/store.ts';
import { fitModel } from '../serve/protocols/oip/config/fit-model.ts';
import { parseModelConfig } from '../serve/protocols/oip/config/model-config.ts';
import type { RepositoryModel } from '../serve/protocols/oip/config/model-config.ts';
import type { VersionOptions } from '../serve/runtime/loading/version-options.ts';
import { lookAtFiles } from '../serve/runtime/sources/look-at-files.ts';
import type { ModelCatalog } from '../serve/runtime/sources/model-catalog.ts';
import type { ModelConfig } from '../serve/runtime/sources/model-config.ts';
import { openLocated } from '../serve/runtime/sources/model-source.ts';
import type { FoundVersion, ModelSource } from '../serve/runtime/sources/model-source.ts';
import { LATEST_ONE } from '../serve/runtime/versions/version-policy.ts';

const CONFIG_FILE = 'config.pbtxt';
const DEFAULT_FILE = 'model.onnx';

/** Which models are loaded, and when. */
export interface RepositoryOptions {
  readonly path: string;
  /** `none`: all at the start; `poll`: also what changes; `explicit`: those of `load`, and on request. @default none */
  readonly control?: 'none' | 'poll' | 'explicit';
  /** Names; `*` is all of them. */
  readonly load?: readonly string[];
  /** A model that cannot be served ends the start. @default the others are served */
  readonly exitOnError?: boolean;
}

export interface RepositoryTools {
  readonly store: PackageStore;
  readonly importer: Importer;
  readonly limits: Limits;
  readonly log: Log;
  /** What is said in the folder of a version beside the model. */
  readonly optionsIn: (folder: string) => Promise<VersionOptions>;
}

export class ModelRepository {
  readonly #options: RepositoryOptions;
  readonly #tools: RepositoryTools;
  /** By model; told once as long as they stay the same. */
  readonly #toldNotes = new Map<string, string>();

  constructor(options: RepositoryOptions, tools: RepositoryTools) {
    this.#options = { ...options, path: resolve(options.path) };
    this.#tools = tools;
  }

  /** All models of the folder. Throws SKY_MODEL_NOT_FOUND without the folder, SKY_STORE_IO. */
  async read(): Promise<ModelConfig[]> {
    const { path } = this.#options;
    const names = await folderNames(path);
    return Promise.all(names.map((name) => this.#readModel(name)));
  }

  /** The models to load at the start. Throws SKY_MODEL_NOT_FOUND for a name without a folder. */
  chosen(configs: readonly ModelConfig[]): readonly ModelConfig[] {
    const { control, load = [], path } = this.#options;
    if (control !== 'explicit' || load.includes('*')) return configs;
    for (const name of load)
      if (!configs.some((config) => config.name === name))
        throw new SkyliftError('SKY_MODEL_NOT_FOUND', `no model ${name} in the repository ${path}`, {
          hint: 'Check the name; it is that of a folder.',
        });
    return configs.filter(({ name }) => load.includes(name));
  }

  /** A model as its folder is now; undefined without such a folder. */
  async find(name: string): Promise<ModelConfig | undefined> {
    return (await folderNames(this.#options.path)).includes(name) ? this.#readModel(name) : undefined;
  }

  /** With `poll`: takes over what changes in the folder, until it is closed. */
  watch(catalog: ModelCatalog, configs: readonly ModelConfig[]): { close(): void } {
    if (this.#options.control !== 'poll') return { close: () => {} };
    let inForce = fingerprint(configs);
    return new Repeat({
      clock: systemClock,
      pauseMs: this.#tools.limits.version_poll_ms,
      run: async () => {
        const changed = await this.read();
        if (fingerprint(changed) === inForce) return;
        await catalog.change(changed);
        inForce = fingerprint(changed);
        this.#tools.log('info', 'the changed model repository is in force', { path: this.#options.path });
      },
      onFailure: ({ code, message }) =>
        this.#tools.log('error', 'the model repository is not taken over, the models stay as they are', {
          code,
          reason: message,
        }),
    });
  }

  async #readModel(name: string): Promise<ModelConfig> {
    const path = join(this.#options.path, name);
    const file = join(path, CONFIG_FILE);
    let text = '';
    try {
      if (existsSync(file)) text = await readSettingsText(file, this.#tools.limits.max_config_bytes);
      const model = parseModelConfig(text, { name, file, cores: usableCores() });
      this.#tell(name, model.notes);
      return this.#configOf(path, text, model);
    } catch (error) {
      return this.#configOf(path, text, toSkyliftError(error));
    }
  }

  #configOf(path: string, revision: string, model: RepositoryModel | SkyliftError): ModelConfig {
    const isWrong = model instanceof SkyliftError;
    return {
      name: basename(path),
      path,
      revision: isWrong ? `${model.message}\n${revision}` : revision,
      policy: isWrong ? LATEST_ONE : model.policy,
      labels: new Map(),
      source: createRepositorySource(path, model, this.#tools),
    };
  }

  #tell(model: string, notes: readonly string[]): void {
    const all = notes.join('\n');
    if (this.#toldNotes.get(model) === all) return;
    this.#toldNotes.set(model, all);
    for (const note of notes) this.#tools.log('warn', note, { model });
  }
}

function fingerprint(configs: readonly ModelConfig[]): string {
  return JSON.stringify(configs.map(({ name, revision }) => [name, revision]));
}

/** Hidden folders are somebody's tools. */
async function folderNames(path: string): Promise<string[]> {
  try {
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => (entry.isDirectory() || entry.isSymbolicLink()) && !entry.name.startsWith('.'))
      .map(({ name }) => name)
      .filter((name) => !isLoop(join(path, name)))
      .sort();
  } catch (error) {
    if (!isAbsence(error)) throw fileFailure(`look at ${path}`, error);
    throw new SkyliftError('SKY_MODEL_NOT_FOUND', `no model repository ${path}`, {
      hint: 'Check the spelling of the path, and the folder it starts from.',
      cause: error,
    });
  }
}

/** A link that leads to itself is no folder, and never will be; what cannot be looked at otherwise may come back. */
function isLoop(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    return errnoOf(error) === 'ELOOP';
  }
}

/** @param model how it is served, or why it cannot be: then each version fails with that */
function createRepositorySource(
  path: string,
  model: RepositoryModel | SkyliftError,
  tools: RepositoryTools,
): ModelSource {
  return {
    path,
    async list() {
      const located = await locateModel(path);
      if (located.kind !== 'versions')
        throw new SkyliftError(
          'SKY_MODEL_NO_VERSIONS',
          `no version is available: ${path} has no numbered folders`,
          {
            hint: `Put the model into ${join(path, '1', DEFAULT_FILE)}.`,
          },
        );
      return located.versions.map(({ version, path: folder }): FoundVersion => ({
        version,
        look: () => lookAtFiles(folder, systemClock.wallMs()),
        open: () => openVersion(folder, model, tools),
        options: async () =>
          model instanceof SkyliftError ? {} : { ...(await tools.optionsIn(folder)), ...model.options },
      }));
    },
  };
}

async function openVersion(
  folder: string,
  model: RepositoryModel | SkyliftError,
  tools: RepositoryTools,
): Promise<PackageHandle> {
  if (model instanceof SkyliftError) throw model;
  const named = join(folder, model.fileName === '' ? DEFAULT_FILE : model.fileName);
  const isNamed = model.fileName !== '' || existsSync(named);
  const handle = await openLocated(await locateModel(isNamed ? named : folder), tools);
  const file = join(folder, '..', CONFIG_FILE);
  return { ...handle, manifest: fitModel(handle.manifest, model, file) };
}
