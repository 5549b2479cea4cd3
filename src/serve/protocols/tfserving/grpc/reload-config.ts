/**
 * ModelService.HandleReloadConfigRequest: a whole new list of models. Sources: tensorflow_serving/apis/model_management.proto,
 * config/model_server_config.proto, model_servers/server_core.cc for the texts.
 */
import { isAbsolute } from 'node:path';
import { SkyliftError } from '../../../../core/errors.ts';
import { ProtoReader, SCALAR } from '../../../../core/proto-reader.ts';
import { ProtoWriter } from '../../../../core/proto-writer.ts';
import type { ModelConfig } from '../../../runtime/sources/model-config.ts';
import { LATEST_ONE } from '../../../runtime/versions/version-policy.ts';
import type { VersionPolicy } from '../../../runtime/versions/version-policy.ts';
import type { ProtocolContext } from '../../context.ts';
import { answeringLater, invalidRequest } from '../../failures.ts';
import { replyMessage } from '../../grpc-call.ts';
import type { HttpCall } from '../../http-call.ts';
import { platformProblem } from '../config/platform.ts';

const LIST = 1;
const CUSTOM = 2;

/**
 * Answers when the new models answer or failed. An empty configuration asks for nothing. Throws SKY_REQUEST_INVALID, and
 * SKY_PERMISSION_DENIED for a caller who may not see all models: a list makes the others disappear, and its paths lead
 * to the files of any.
 */
export function reloadConfig(call: HttpCall, { control }: ProtocolContext): void {
  if (!call.principal.seesAll)
    throw new SkyliftError('SKY_PERMISSION_DENIED', 'a new list of models takes an API key for all models');
  const configs = readRequest(new ProtoReader(call.body));
  answeringLater(async () => {
    if (configs !== undefined) await control.reload(configs);
    const writer = new ProtoWriter();
    replyMessage(
      call,
      writer.message(1, () => writer.integer(1, 0)),
    );
  })(call);
}

/** `config` is field 1; counters of `metric_names` are not told. */
function readRequest(reader: ProtoReader): ModelConfig[] | undefined {
  let configs: ModelConfig[] | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) configs = reader.message(() => readServerConfig(reader));
  return configs;
}

function readServerConfig(reader: ProtoReader): ModelConfig[] | undefined {
  let configs: ModelConfig[] | undefined;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === CUSTOM)
      throw invalidRequest(
        'ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported',
      );
    if (field === LIST) configs = reader.message(() => readList(reader));
  }
  return configs;
}

function readList(reader: ProtoReader): ModelConfig[] {
  const configs: ModelConfig[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) configs.push(reader.message(() => readModelConfig(reader)));
  return configs;
}

function readModelConfig(reader: ProtoReader): ModelConfig {
  let [name, path, platform, type] = ['', '', '', 0];
  let policy = LATEST_ONE;
  const labels = new Map<string, bigint>();
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) name = reader.string();
    else if (field === 2) path = reader.string();
    else if (field === 3) type = reader.int32();
    else if (field === 4) platform = reader.string();
    else if (field === 7) policy = reader.message(() => readPolicy(reader));
    else if (field === 8) reader.message(() => readLabel(reader, labels));
  }
  requireConfig(name, path, platformProblem(String(type), platform));
  return { name, path, policy, labels };
}

/** A relative path would start from a folder that the caller does not know. */
function requireConfig(name: string, path: string, problem: string | undefined): void {
  if (name === '') throw invalidRequest('a model of the config list has no name');
  if (problem !== undefined) throw invalidRequest(`model ${name}: ${problem}`);
  if (!isAbsolute(path))
    throw invalidRequest(`Expected model ${name} to have an absolute path or URI; got base_path()=${path}`);
}

/** The choice that comes last counts, as in every oneof. */
function readPolicy(reader: ProtoReader): VersionPolicy {
  let policy: VersionPolicy = LATEST_ONE;
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 100) policy = { kind: 'latest', count: reader.message(() => readCount(reader)) };
    else if (field === 101) policy = reader.message(() => readAll(reader));
    else if (field === 102)
      policy = { kind: 'specific', versions: reader.message(() => readVersions(reader)) };
  }
  return policy;
}

function readAll(reader: ProtoReader): VersionPolicy {
  while (reader.next() !== 0); // it has no fields
  return { kind: 'all' };
}

/** The original counts 0 as 1. */
function readCount(reader: ProtoReader): number {
  let count = 0;
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) count = Number(reader.uint64());
  return Math.max(1, count);
}

function readVersions(reader: ProtoReader): bigint[] {
  const versions: bigint[] = [];
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 1) reader.elements(SCALAR.varint, () => versions.push(reader.rawInt64()));
  return versions;
}

function readLabel(reader: ProtoReader, labels: Map<string, bigint>): void {
  let [label, version] = ['', 0n];
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) label = reader.string();
    else if (field === 2) version = reader.int64();
  }
  labels.set(label, version);
}
