/**
 * TensorFlow Serving's model configuration file. Sources: tensorflow_serving/config/model_server_config.proto,
 * config/file_system_storage_path_source.proto, model_servers/server_core.cc for the texts.
 */
import type { ModelConfig } from '../../../runtime/sources/model-config.ts';
import { LATEST_ONE } from '../../../runtime/versions/version-policy.ts';
import type { VersionPolicy } from '../../../runtime/versions/version-policy.ts';
import { MessageReader } from '../../text-format/message-reader.ts';
import type { TextMessage } from '../../text-format/message-reader.ts';
import { platformProblem } from './platform.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';

const START = { line: 1, column: 1 };

/** The models of a config file, in their order. Throws SKY_CONFIG_INVALID with line and column. @param file its name, for messages */
export function parseModelServerConfig(text: string, file: string): ModelConfig[] {
  const reader = new MessageReader({ file, place: START, fields: parseTextFormat(text, file) });
  const list = reader.message('model_config_list');
  if (reader.ignore('custom_model_config'))
    throw reader.problem('ModelServer does not yet support custom model config.');
  reader.end();
  if (!list) throw reader.problem('there is no model_config_list');
  const listReader = new MessageReader(list);
  const configs = listReader.messages('config').map(readModelConfig);
  listReader.end();
  return configs;
}

function readModelConfig(message: TextMessage): ModelConfig {
  const reader = new MessageReader(message);
  const name = reader.string('name');
  const path = reader.string('base_path');
  const policy = readPolicy(reader);
  const labels = readLabels(reader);
  checkPlatform(reader);
  reader.ignore('logging_config');
  reader.ignore('logging_configs');
  reader.end();
  if (name === '') throw reader.problem('a config without name');
  if (path === '') throw reader.problem(`the config of ${name} has no base_path`);
  return { name, path, policy, labels };
}

function checkPlatform(reader: MessageReader): void {
  const problem = platformProblem(reader.word('model_type') ?? '', reader.string('model_platform'));
  if (problem !== undefined) throw reader.problem(problem);
}

function readPolicy(reader: MessageReader): VersionPolicy {
  const message = reader.message('model_version_policy');
  if (!message) return LATEST_ONE;
  const choice = new MessageReader(message);
  const [latest, all, specific] = [
    choice.message('latest'),
    choice.message('all'),
    choice.message('specific'),
  ];
  choice.end();
  if ([latest, all, specific].filter((each) => each !== undefined).length > 1)
    throw choice.problem('model_version_policy has more than one of latest, all and specific');
  if (latest) return readLatest(latest);
  if (all) {
    new MessageReader(all).end();
    return { kind: 'all' };
  }
  return specific ? readSpecific(specific) : LATEST_ONE;
}

/** The original counts 0 as 1. */
function readLatest(message: TextMessage): VersionPolicy {
  const reader = new MessageReader(message);
  const count = Number(reader.integer('num_versions') ?? 1n);
  reader.end();
  if (count < 0 || count > 2 ** 32 - 1) throw reader.problem(`num_versions: ${count} is out of range`);
  return { kind: 'latest', count: Math.max(1, count) };
}

function readSpecific(message: TextMessage): VersionPolicy {
  const reader = new MessageReader(message);
  const versions = reader.integers('versions');
  reader.end();
  if (versions.length === 0) throw reader.problem('specific needs at least one of versions');
  return { kind: 'specific', versions };
}

function readLabels(reader: MessageReader): Map<string, bigint> {
  const labels = new Map<string, bigint>();
  for (const message of reader.messages('version_labels')) {
    const entry = new MessageReader(message);
    const [key, version] = [entry.string('key'), entry.integer('value') ?? 0n];
    entry.end();
    if (key === '') throw entry.problem('a version label without key');
    labels.set(key, version);
  }
  return labels;
}
