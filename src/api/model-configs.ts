/** Which models a server serves: given as options, or by a configuration file that is read again. */
import { systemClock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { silentLog } from '../core/log.ts';
import type { Log } from '../core/log.ts';
import { parseModelServerConfig } from '../serve/protocols/tfserving/config/model-server-config.ts';
import { ModelRepository } from './model-repository.ts';
import type { RepositoryOptions, RepositoryTools } from './model-repository.ts';
import { Repeat } from '../core/repeat.ts';
import { readSettingsText } from '../package/settings-file.ts';
import type { ModelCatalog } from '../serve/runtime/sources/model-catalog.ts';
import type { ModelConfig } from '../serve/runtime/sources/model-config.ts';
import { LATEST_ONE } from '../serve/runtime/versions/version-policy.ts';
import type { TransitionOrder, VersionPolicy } from '../serve/runtime/versions/version-policy.ts';

/** How one model is served. */
export interface ModelOptions {
  /** An .onnx file, a package, or a folder of numbered versions. */
  readonly path: string;
  /** @default the newest */
  readonly versions?: VersionPolicy;
  /** Names of versions. */
  readonly labels?: Readonly<Record<string, bigint>>;
  /** @default that of the server */
  readonly order?: TransitionOrder;
}

/** Which models a server is told to serve. */
export interface ModelsOptions {
  /** By served name; a path alone serves its newest version. */
  readonly models?: Readonly<Record<string, string | ModelOptions>>;
  /** TensorFlow Serving's model configuration file, instead of `models`; read again every `config_poll_ms`. */
  readonly modelConfigFile?: string;
  /** A model repository in Triton's layout, instead of `models`. */
  readonly repository?: RepositoryOptions;
  /** How the versions of a model change. @default load-first: no request fails meanwhile */
  readonly order?: TransitionOrder;
  /** A changed config file may give new labels to versions that do not answer yet. @default false */
  readonly allowEarlyLabels?: boolean;
  /** @default silent */
  readonly log?: Log;
}

type Packages = Omit<RepositoryTools, 'log'>;

export interface GivenModels {
  /** To be served from the start. */
  readonly configs: readonly ModelConfig[];
  /** Known, and loaded when somebody asks. */
  readonly others: readonly ModelConfig[];
  /** A model that cannot be served is no reason to end the start. */
  readonly isTolerant: boolean;
  /** What a model is now, where that is asked for when it is loaded. */
  readonly find: ((model: string) => Promise<ModelConfig | undefined>) | undefined;
  /** Keeps a catalog in step with what was given, until it is closed. */
  readonly watch: (catalog: ModelCatalog) => { close(): void };
}

const GIVEN = { others: [], isTolerant: false, find: undefined };

/** Throws SKY_CONFIG_INVALID, and for a repository SKY_MODEL_NOT_FOUND, SKY_STORE_IO. */
export async function readConfigs(options: ModelsOptions, packages: Packages): Promise<GivenModels> {
  const { modelConfigFile: file, models = {}, repository, log = silentLog } = options;
  const { limits } = packages;
  if (repository !== undefined) return readRepository(repository, { ...packages, log });
  if (file === undefined)
    return { ...GIVEN, configs: modelConfigs(models), watch: () => ({ close: () => {} }) };
  if (Object.keys(models).length > 0)
    throw new SkyliftError('SKY_CONFIG_INVALID', `models are given by name and in ${file}`, {
      hint: 'Write them all into the file.',
    });
  const text = await readSettingsText(file, limits.max_config_bytes);
  return {
    ...GIVEN,
    configs: parseModelServerConfig(text, file),
    watch: (catalog) => watchConfigFile(file, text, { catalog, limits, log }),
  };
}

async function readRepository(options: RepositoryOptions, tools: RepositoryTools): Promise<GivenModels> {
  const repository = new ModelRepository(options, tools);
  const all = await repository.read();
  const configs = repository.chosen(all);
  return {
    configs,
    others: all.filter((config) => !configs.includes(config)),
    isTolerant: options.exitOnError !== true,
    find: options.control === 'explicit' ? (model) => repository.find(model) : undefined,
    watch: (catalog) => repository.watch(catalog, all),
  };
}

/** A file that is wrong changes nothing. One that was refused is tried again: what it waits for may have come. */
function watchConfigFile(
  file: string,
  text: string,
  { catalog, limits, log }: { readonly catalog: ModelCatalog; readonly limits: Limits; readonly log: Log },
): Repeat {
  let inForce = text;
  return new Repeat({
    clock: systemClock,
    pauseMs: limits.config_poll_ms,
    async run() {
      const changed = await readSettingsText(file, limits.max_config_bytes);
      if (changed === inForce) return;
      await catalog.change(parseModelServerConfig(changed, file));
      inForce = changed;
      log('info', 'the changed model config file is in force', { file });
    },
    onFailure: ({ code, message }) =>
      log('error', 'the model config file is not taken over, the models stay as they are', {
        file,
        code,
        reason: message,
      }),
  });
}

function modelConfigs(models: NonNullable<ModelsOptions['models']>): ModelConfig[] {
  return Object.entries(models).map(([name, given]) => {
    const { path, versions, labels, order }: ModelOptions =
      typeof given === 'string' ? { path: given } : given;
    return {
      name,
      path,
      policy: versions ?? LATEST_ONE,
      labels: new Map(Object.entries(labels ?? {})),
      ...(order !== undefined && { order }),
    };
  });
}
