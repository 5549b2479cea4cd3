/**
 * TensorFlow Serving's model configuration file. Sources: tensorflow_serving/config/model_server_config.proto,
 * config/file_system_storage_path_source.proto, model_servers/server_core.cc for the texts.
 */
import type { ModelConfig } from '../../../runtime/sources/model-config.ts';
import { MessageReader } from '../../text-format/message-reader.ts';
import type { TextMessage } from '../../text-format/message-reader.ts';
import { platformProblem } from './platform.ts';
import { parseTextFormat } from '../../text-format/text-format.ts';
import { readVersionPolicy } from '../../text-format/version-policy.ts';

/** The original takes 0 for 1. */
const VERSION_COUNTS = { least: 0n, most: 2n ** 32n - 1n };
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
  const policy = readVersionPolicy(reader, 'model_version_policy', VERSION_COUNTS);
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
