/** Every gRPC method against every kind of key: what was not granted is denied, also when only the message names the model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { ProtoWriter } from '../../src/core/proto-writer.ts';
import type { Route } from '../../src/serve/protocols/http-call.ts';
import { BAD_KEYS, KEYS, startKeyServer } from './api-keys.ts';
import type { KeyServer } from './api-keys.ts';

const PERMISSIONS: Readonly<Record<string, Route['permission']>> = {
  '/tensorflow.serving.PredictionService/Predict': 'predict',
  '/tensorflow.serving.PredictionService/Classify': 'predict',
  '/tensorflow.serving.PredictionService/Regress': 'predict',
  '/tensorflow.serving.PredictionService/MultiInference': 'predict',
  '/tensorflow.serving.PredictionService/GetModelMetadata': 'read',
  '/tensorflow.serving.ModelService/GetModelStatus': 'read',
  '/inference.GRPCInferenceService/ServerLive': 'public',
  '/inference.GRPCInferenceService/ServerReady': 'public',
  '/inference.GRPCInferenceService/ModelReady': 'read',
  '/inference.GRPCInferenceService/ServerMetadata': 'read',
  '/inference.GRPCInferenceService/ModelMetadata': 'read',
  '/inference.GRPCInferenceService/ModelConfig': 'read',
  '/inference.GRPCInferenceService/ModelStatistics': 'read',
  '/inference.GRPCInferenceService/ModelInfer': 'predict',
  '/inference.GRPCInferenceService/ModelStreamInfer': 'predict',
  '/inference.GRPCInferenceService/RepositoryIndex': 'read',
  '/inference.GRPCInferenceService/RepositoryModelLoad': 'admin',
  '/inference.GRPCInferenceService/RepositoryModelUnload': 'admin',
  '/tensorflow.serving.ModelService/HandleReloadConfigRequest': 'admin',
  '/grpc.health.v1.Health/Check': 'public',
  '/grpc.health.v1.Health/Watch': 'public',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': 'read',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': 'read',
};
const DENIED: number = status.PERMISSION_DENIED;
const UNAUTHENTICATED: number = status.UNAUTHENTICATED;
/** Methods that are about the whole server. */
const NAMES_NO_MODEL = /Server(?:Live|Ready|Metadata)|RepositoryIndex|HandleReload|Reflection|Health/;
const IS_STREAM = /Stream|Reflection/;

/** A message that names the model where each service has it. */
function messageFor(path: string, model: string): Uint8Array {
  const writer = new ProtoWriter();
  if (NAMES_NO_MODEL.test(path)) return writer.finish();
  if (path.includes('MultiInference'))
    writer.message(1, () => writer.message(1, () => writer.string(1, model)));
  else if (path.startsWith('/tensorflow')) writer.message(1, () => writer.string(1, model));
  else writer.string(path.includes('RepositoryModel') ? 2 : 1, model);
  return writer.finish();
}

interface Answer {
  readonly code: number;
  readonly text: string;
}

function call(
  server: KeyServer,
  path: string,
  key: string | undefined,
  model = 'half_plus_two',
): Promise<Answer> {
  const client = new Client(server.target, credentials.createInsecure());
  const metadata = new Metadata();
  if (key !== undefined) metadata.set('authorization', `Bearer ${key}`);
  const whole = (bytes: Buffer): Buffer => bytes;
  const stream = client.makeBidiStreamRequest(path, whole, whole, metadata);
  let text = '';
  return new Promise((resolve) => {
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
      if (!path.endsWith('/Watch')) return; // that one never ends
      client.close();
      resolve({ code: status.OK, text });
    });
    stream.on('error', () => {}); // 'status' follows
    stream.on('status', ({ code, details }) => {
      client.close();
      resolve({ code, text: text + details });
    });
    stream.end(Buffer.from(messageFor(path, model)), () => {});
  });
}

test('the permission of every method is as expected', async (t) => {
  const { grpcRoutes } = await startKeyServer(t, 'fast');
  assert.deepEqual(
    Object.fromEntries(grpcRoutes.map(({ pattern, permission }) => [pattern, permission])),
    PERMISSIONS,
  );
});

test('without a key, and with any that is no good, only the public methods answer', async (t) => {
  const server = await startKeyServer(t, 'fast');
  for (const { pattern, permission } of server.grpcRoutes)
    for (const key of [undefined, ...Object.values(BAD_KEYS)]) {
      const { code } = await call(server, pattern, key);
      assert.equal(code, permission === 'public' ? status.OK : status.UNAUTHENTICATED, `${pattern} ${key}`);
    }
  assert.deepEqual(server.runtime.submitted, []);
});

test('a key opens what its permissions say', async (t) => {
  const server = await startKeyServer(t, 'fast');
  for (const { pattern, permission } of server.grpcRoutes)
    for (const owned of ['predict', 'read', 'metrics', 'admin'] as const) {
      const { code } = await call(server, pattern, KEYS[owned].key);
      const isOpen = permission === 'public' || permission === owned;
      assert.equal(code === DENIED, !isOpen, `${pattern} ${owned} ${code}`);
    }
});

test('a model that a key is not for is refused in one way, whether it exists or not', async (t) => {
  const server = await startKeyServer(t, 'fast');
  for (const { pattern } of server.grpcRoutes.filter((route) => !NAMES_NO_MODEL.test(route.pattern)))
    for (const model of ['other_model', 'no_such_model']) {
      const { code, text } = await call(server, pattern, KEYS.half.key, model);
      if (!IS_STREAM.test(pattern)) assert.equal(code, status.PERMISSION_DENIED, `${pattern} ${model}`);
      assert.ok(text.includes(`is not for the model "${model}"`), `${pattern} ${model}: ${text}`);
    }
  assert.deepEqual(server.runtime.submitted, []);
});

test('only a key for all models may give the server a new list', async (t) => {
  const server = await startKeyServer(t, 'fast');
  const reload = '/tensorflow.serving.ModelService/HandleReloadConfigRequest';
  for (const { key } of [KEYS.half, KEYS.every])
    assert.equal((await call(server, reload, key)).code, status.PERMISSION_DENIED);
  assert.equal((await call(server, reload, KEYS.all.key)).code, status.OK);
});

test('lists and health tell a caller of no other models', async (t) => {
  const server = await startKeyServer(t, 'fast');
  const index = await call(server, '/inference.GRPCInferenceService/RepositoryIndex', KEYS.half.key);
  assert.ok(index.text.includes('half_plus_two') && !index.text.includes('other_model'));
  const check = (service: string): Promise<Answer> => healthOf(server, service);
  assert.equal((await check('')).code, status.OK);
  for (const service of ['half_plus_two', 'no_such_model'])
    assert.deepEqual(await check(service), { code: status.NOT_FOUND, text: 'unknown service' });
});

test('the same server without keys answers everybody: the tests can fail', async (t) => {
  const server = await startKeyServer(t, 'fast', { asksForKeys: false });
  for (const { pattern } of server.grpcRoutes) {
    const { code } = await call(server, pattern, undefined);
    assert.ok(code !== UNAUTHENTICATED && code !== DENIED, pattern);
  }
});

function healthOf(server: KeyServer, service: string): Promise<Answer> {
  const client = new Client(server.target, credentials.createInsecure());
  const whole = (bytes: Buffer): Buffer => bytes;
  const request = Buffer.from(new ProtoWriter().string(1, service).finish());
  return new Promise((resolve) => {
    const done = (error: { code: number; details: string } | null): void => {
      client.close();
      resolve({ code: error?.code ?? status.OK, text: error?.details ?? '' });
    };
    client.makeUnaryRequest('/grpc.health.v1.Health/Check', whole, whole, request, done);
  });
}
