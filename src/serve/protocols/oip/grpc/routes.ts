/**
 * The Open Inference Protocol v2 over gRPC as records of the route table. Sources: kserve/open-inference-protocol
 * specification/protocol/open_inference_grpc.proto, and the repository index of Triton.
 */
import { isSkyliftError } from '../../../../core/errors.ts';
import { ProtoReader } from '../../../../core/proto-reader.ts';
import { ProtoWriter } from '../../../../core/proto-writer.ts';
import type { ProtocolContext } from '../../context.ts';
import { answeringLater } from '../../failures.ts';
import { grpcRoute, replyMessage } from '../../grpc-call.ts';
import type { GrpcMethod } from '../../grpc-call.ts';
import type { HttpCall, Route } from '../../http-call.ts';
import { isServed } from '../../is-served.ts';
import type { ModelPath } from '../../model-path.ts';
import { describeModel } from '../configuration.ts';
import { modelMetadata, serverMetadata } from '../metadata.ts';
import type { TensorMetadata } from '../metadata.ts';
import { notAllowed } from '../manage-models.ts';
import { namedModel } from '../paths.ts';
import { indexOf } from '../repository.ts';
import { statisticsFor } from '../statistics.ts';
import { requireVisible, visibleModels } from '../../visible-models.ts';
import { infer, streamInfer } from './infer.ts';
import { readTarget } from './read-infer.ts';
import { configurationMessage } from './configuration.ts';
import { statisticsMessage } from './statistics.ts';

const SERVICE = '/inference.GRPCInferenceService';

/** The methods of GRPCInferenceService. @param isReady whether the whole server is */
export function oipGrpcRoutes(context: ProtocolContext, isReady: () => boolean): readonly Route[] {
  const method = (
    name: string,
    kind: Pick<GrpcMethod, 'permission' | 'plane' | 'isStream'>,
    summary: string,
    handle: GrpcMethod['handle'],
  ): Route =>
    grpcRoute({ protocol: 'oip', ...kind, path: `${SERVICE}/${name}`, summary, handle }, context.limits);
  const health = { permission: 'public', plane: 'health' } as const;
  const reading = { permission: 'read', plane: 'data' } as const;
  const managing = { permission: 'admin', plane: 'admin' } as const;
  const running = { permission: 'predict', plane: 'data' } as const;
  return [
    method('ServerLive', health, 'Alive.', (call) => replyMessage(call, new ProtoWriter().bool(1, true))),
    method('ServerReady', health, 'Ready.', (call) =>
      replyMessage(call, new ProtoWriter().bool(1, isReady())),
    ),
    method('ModelReady', reading, 'Whether one model answers.', (call) => modelReady(call, context)),
    method('ServerMetadata', reading, 'Name, version and extensions of the server.', replyServerMetadata),
    method('ModelMetadata', reading, 'Inputs and outputs of a model: names, datatypes and shapes.', (call) =>
      replyModelMetadata(call, context),
    ),
    method('ModelInfer', running, 'Runs a model on typed or raw tensors.', (call) => infer(call, context)),
    method(
      'ModelStreamInfer',
      { ...running, isStream: true },
      'Runs a model on each message of a stream.',
      (call) => streamInfer(call, context),
    ),
    method('ModelStatistics', reading, 'What the loaded versions of a model, or of all, did.', (call) =>
      replyStatistics(call, context),
    ),
    method('ModelConfig', reading, 'What a model takes and gives and how it is run.', (call) =>
      replyMessage(call, configurationMessage(describeModel(context.runtime, pathOf(call), context.limits))),
    ),
    method('RepositoryModelLoad', managing, 'Loads what the source of a model has now.', (call) =>
      manage(call, 'load', context),
    ),
    method('RepositoryModelUnload', managing, 'Unloads a model.', (call) => manage(call, 'unload', context)),
    method('RepositoryIndex', reading, 'The models and the state of their versions.', (call) =>
      replyIndex(call, context),
    ),
  ];
}

/** `name` and `version` of a request are its fields 1 and 2. */
function pathOf(call: HttpCall): ModelPath {
  const { model, version } = readTarget(call.body);
  call.note('model', model);
  requireVisible(call.principal, model);
  return namedModel(model, version === '' ? undefined : version);
}

/** Not ready is what clients want to hear of a model that nobody knows. */
function modelReady(call: HttpCall, { runtime }: ProtocolContext): void {
  const path = pathOf(call);
  let ready = false;
  try {
    ready = isServed(runtime, path);
  } catch (error) {
    if (!isSkyliftError(error)) throw error;
  }
  replyMessage(call, new ProtoWriter().bool(1, ready));
}

function replyServerMetadata(call: HttpCall): void {
  const { name, version, extensions } = serverMetadata();
  const writer = new ProtoWriter().string(1, name).string(2, version);
  for (const extension of extensions) writer.string(3, extension);
  replyMessage(call, writer);
}

function replyModelMetadata(call: HttpCall, { runtime }: ProtocolContext): void {
  const { name, versions, platform, inputs, outputs } = modelMetadata(runtime, pathOf(call));
  const writer = new ProtoWriter().string(1, name);
  for (const version of versions) writer.string(2, version);
  writer.string(3, platform);
  for (const input of inputs) writer.message(4, () => writeTensorMetadata(writer, input));
  for (const output of outputs) writer.message(5, () => writeTensorMetadata(writer, output));
  replyMessage(call, writer);
}

function writeTensorMetadata(writer: ProtoWriter, { name, datatype, shape }: TensorMetadata): void {
  writer
    .string(1, name)
    .string(2, datatype)
    .message(3, () => {
      for (const dim of shape) writer.rawInteger(dim);
    });
}

/** Without a name, of all models. */
function replyStatistics(call: HttpCall, { runtime }: ProtocolContext): void {
  const path = readTarget(call.body).model === '' ? undefined : pathOf(call);
  replyMessage(call, statisticsMessage(statisticsFor(call, runtime, path)));
}

/** Answers when it is done. */
function manage(call: HttpCall, verb: 'load' | 'unload', { control }: ProtocolContext): void {
  const model = readManaged(call.body, verb === 'unload' ? ['unload_dependents'] : []);
  call.note('model', model);
  requireVisible(call.principal, model);
  answeringLater(async () => {
    await control[verb](model);
    replyMessage(call, new ProtoWriter());
  })(call);
}

/** The model that is to be loaded or unloaded. Throws SKY_REQUEST_INVALID for other parameters. */
function readManaged(bytes: Uint8Array, allowed: readonly string[]): string {
  const reader = new ProtoReader(bytes);
  let model = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 2) model = reader.string();
    if (field !== 3) continue;
    const parameter = reader.message(() => readKey(reader));
    if (!allowed.includes(parameter)) throw notAllowed(parameter);
  }
  return model;
}

/** Of an entry of a map. */
function readKey(reader: ProtoReader): string {
  let key = '';
  for (let field = reader.next(); field !== 0; field = reader.next()) if (field === 1) key = reader.string();
  return key;
}

function replyIndex(call: HttpCall, { runtime }: ProtocolContext): void {
  const reader = new ProtoReader(call.body);
  let onlyReady = false;
  for (let field = reader.next(); field !== 0; field = reader.next())
    if (field === 2) onlyReady = reader.bool();
  const writer = new ProtoWriter();
  for (const { name, version = '', state, reason } of indexOf(
    visibleModels(runtime, call.principal),
    onlyReady,
  ))
    writer.message(1, () => writer.string(1, name).string(2, version).string(3, state).string(4, reason));
  replyMessage(call, writer);
}
