/** Server reflection: a client without .proto files learns what it needs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { ProtoWriter } from '../../src/core/proto-writer.ts';
import type { GrpcClient, Message } from '../grpc/grpc-client.ts';
import { startGrpc } from './grpc-server.ts';

const ask = (client: GrpcClient, ...requests: Message[]): Promise<readonly Message[]> =>
  client.stream('grpc.reflection.v1.ServerReflection/ServerReflectionInfo', requests);

test('services are listed, and each of them is described with all that it imports', async (context) => {
  const { client } = await startGrpc(context);
  const [listed = {}] = await ask(client, { list_services: '' });
  const services = (listed['list_services_response'] as { service: { name: string }[] }).service;
  const names = services.map(({ name }) => name);
  assert.deepEqual(names.toSorted(), [
    'grpc.health.v1.Health',
    'grpc.reflection.v1.ServerReflection',
    'inference.GRPCInferenceService',
    'tensorflow.serving.ModelService',
    'tensorflow.serving.PredictionService',
  ]);
  const imported = ['google/protobuf/any.proto', 'google/protobuf/wrappers.proto', 'tensorflow/tensor.proto'];
  const described = await ask(
    client,
    ...imported.map((name) => ({ file_by_filename: name })),
    ...names.map((name) => ({ file_containing_symbol: name })),
  );
  const set = new ProtoWriter();
  for (const { file_descriptor_response: files } of described)
    for (const file of (files as { file_descriptor_proto: Buffer[] }).file_descriptor_proto)
      set.bytes(1, file);
  const definitions = loadFileDescriptorSetFromBuffer(Buffer.from(set.finish()));
  for (const name of names) assert.ok(definitions[name], name);
  const predict = definitions['tensorflow.serving.PredictionService'] as Record<string, { path: string }>;
  assert.equal(predict['Predict']?.path, '/tensorflow.serving.PredictionService/Predict');
  const infer = definitions['inference.GRPCInferenceService'] as Record<string, { requestStream: boolean }>;
  assert.deepEqual(
    [infer['ModelInfer']?.requestStream, infer['ModelStreamInfer']?.requestStream],
    [false, true],
  );
});

test('what is not there is an answer with an error, and the stream goes on', async (context) => {
  const { client } = await startGrpc(context);
  const answers = await ask(
    client,
    { file_containing_symbol: 'no.Such' },
    { file_by_filename: 'no.proto' },
    { file_containing_extension: { containing_type: 'x', extension_number: 1 } },
    {},
    { file_containing_symbol: 'tensorflow.serving.PredictionService.Predict' },
  );
  const codes = answers.map(
    ({ error_response: error }) => (error as { error_code: number } | null)?.error_code,
  );
  assert.deepEqual(codes, [5, 5, 12, 3, undefined]);
});
