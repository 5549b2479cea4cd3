/** The settings files of a `tensorflow_model_server` command line, read before anything starts: what they mean here. */
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import type { Limits } from '../core/limits.ts';
import { resolveLimits } from '../core/limits.ts';
import type { ServeOptions } from '../index.ts';
import { readSettingsText } from '../package/settings-file.ts';
import { parseBatchingParameters } from '../serve/protocols/tfserving/config/batching-parameters.ts';
import type { Understood } from '../serve/protocols/tfserving/config/batching-parameters.ts';
import { parseMonitoringConfig } from '../serve/protocols/tfserving/config/monitoring-config.ts';
import { parsePlatformConfig } from '../serve/protocols/tfserving/config/platform-config.ts';
import { parseSessionConfig } from '../serve/protocols/tfserving/config/session-config.ts';
import type { BatchingOptions, VersionOptions } from '../serve/runtime/loading/version-options.ts';

/** In the folder of each version, with `--enable_per_model_batching_parameters`. */
const PER_MODEL_FILE = 'batching_params.pbtxt';
/** The original does not batch a model without such a file. */
const ONE_BY_ONE: VersionOptions = { batching: { maxRows: 1 } };

export type FileOptions = Pick<ServeOptions, 'batching' | 'optionsIn' | 'metricsAt' | 'threads'>;

export interface FileFlags {
  /** Text of a flag; '' when it is not given. */
  readonly text: (flag: string) => string;
  readonly isOn: (flag: string) => boolean;
  readonly limits: Partial<Limits>;
}

/**
 * What the files ask of the server. Throws SKY_CONFIG_INVALID with file, line and column.
 * @param say told of each setting that has no effect here
 */
export async function optionsOfFiles(flags: FileFlags, say: (line: string) => void): Promise<FileOptions> {
  const maxBytes = resolveLimits(flags.limits).max_config_bytes;
  const read = async <T>(flag: string, parse: (text: string, file: string) => T): Promise<T | undefined> => {
    const file = flags.text(flag);
    return file === '' ? undefined : parse(await readSettingsText(file, maxBytes), file);
  };
  const told = <T>(understood: Understood<T> | undefined): T | undefined => {
    for (const note of understood?.notes ?? []) say(note);
    return understood?.value;
  };
  const monitoring = await read('monitoring_config_file', parseMonitoringConfig);
  const platform = told(await read('platform_config_file', parsePlatformConfig));
  const session = told(await read('tensorflow_session_config_file', parseSessionConfig));
  const batching = told(await read('batching_parameters_file', parseBatchingParameters));
  const metricsAt = monitoring && (monitoring.isEnabled ? monitoring.path : false);
  const ownThreads = session?.threads ?? 0;
  if (platform)
    return {
      ...(metricsAt !== undefined && { metricsAt }),
      ...overruled(flags, say),
      ...(platform.batching && { batching: platform.batching }),
      ...threadOptions(platform.session?.threads ?? 0),
    };
  return {
    ...(metricsAt !== undefined && { metricsAt }),
    ...threadOptions(ownThreads),
    ...batchingOptions(flags, batching, (folder) => perModel(folder, maxBytes, say)),
  };
}

function threadOptions(threads: number): FileOptions {
  return threads > 0 ? { threads: { threads } } : {};
}

function batchingOptions(
  { isOn }: FileFlags,
  batching: BatchingOptions | undefined,
  optionsIn: (folder: string) => Promise<VersionOptions>,
): FileOptions {
  if (isOn('enable_batching') && isOn('enable_per_model_batching_parameters')) return { optionsIn };
  return batching ? { batching } : {};
}

async function perModel(
  folder: string,
  maxBytes: number,
  say: (line: string) => void,
): Promise<VersionOptions> {
  const file = join(folder, PER_MODEL_FILE);
  if (!existsSync(file)) return ONE_BY_ONE;
  const { value, notes } = parseBatchingParameters(await readSettingsText(file, maxBytes), file);
  for (const note of notes) say(note);
  return { batching: value };
}

/** The platform file of the original stands above the flags that say the same. */
function overruled({ text, isOn }: FileFlags, say: (line: string) => void): FileOptions {
  const files = ['tensorflow_session_config_file', 'batching_parameters_file'].filter(
    (flag) => text(flag) !== '',
  );
  const switches = ['enable_batching', 'enable_per_model_batching_parameters'].filter(isOn);
  for (const flag of [...files, ...switches])
    say(`--${flag} has no effect: --platform_config_file says how sessions and batches run`);
  return {};
}
