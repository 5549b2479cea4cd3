import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { serve } from '../../src/index.ts';
import type { RunningServer, ServeOptions } from '../../src/index.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';
import { GrpcClient, failureOf } from './grpc-client.ts';
import type { Message } from './grpc-client.ts';

const HALF_OF_ONE = {
  model_spec: { name: 'half' },
  inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [1] } },
};
const PREDICT = 'tensorflow.serving.PredictionService/Predict';

async function serveHalf(context: TestContext, options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  const folder = mkdtempSync(join(tmpdir(), 'skylift-grpc-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'half.onnx');
  writeFileSync(path, halfPlusTwo());
  const server = await serve({ models: { half: path }, storeDir: folder, http: { port: 0 }, ...options });
  context.after(() => server.close());
  return server;
}

test('a gRPC client and an HTTP client get predictions from the same port', async (context) => {
  const server = await serveHalf(context);
  const client = new GrpcClient(context, new URL(server.url).host);
  const reply = await client.call(PREDICT, {
    model_spec: { name: 'half' },
    inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 3 }] }, float_val: [1, 2, 5] } },
  });
  const { outputs, model_spec: spec } = reply as {
    outputs: Record<string, { dtype: string; float_val: number[] }>;
    model_spec: unknown;
  };
  assert.deepEqual([outputs['y']?.dtype, outputs['y']?.float_val], ['DT_FLOAT', [2.5, 3, 4.5]]);
  assert.deepEqual(spec, {
    name: 'half',
    signature_name: 'serving_default',
    version: { value: '1' },
    version_choice: 'version',
  });
  const response = await fetch(`${server.url}/v1/models/half:predict`, {
    method: 'POST',
    body: '{"instances":[1,2,5]}',
  });
  assert.deepEqual(await response.json(), { predictions: [2.5, 3, 4.5] });
});

test('gRPC on ports and sockets of its own: HTTP is then not spoken there, nor gRPC on the port of HTTP', async (context) => {
  const socketPath = join(mkdtempSync(join(tmpdir(), 'skylift-socket-')), 's');
  context.after(() => rmSync(dirname(socketPath), { recursive: true }));
  const server = await serveHalf(context, { grpc: { port: 0, socketPath, tensorContent: true } });
  const [own = '', socket = ''] = server.grpc;
  assert.equal(socket, `unix:${socketPath}`);
  for (const target of [own, socket]) {
    const reply = await new GrpcClient(context, target).call(PREDICT, HALF_OF_ONE);
    const { y } = (reply as { outputs: Record<string, { tensor_content: Buffer }> }).outputs;
    assert.deepEqual(y?.tensor_content, Buffer.from(Float32Array.of(2.5).buffer));
  }
  await assert.rejects(fetch(`http://${own}/readyz`));
  const refused = new GrpcClient(context, new URL(server.url).host).call(PREDICT, HALF_OF_ONE);
  assert.equal((await failureOf(refused)).code, 14);
});

test('failures come as a status in words that clients of TensorFlow Serving look for', async (context) => {
  const server = await serveHalf(context);
  const client = new GrpcClient(context, new URL(server.url).host);
  const x = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [1] };
  const failure = (request: Message): Promise<unknown> => failureOf(client.call(PREDICT, request));
  assert.deepEqual(await failure({}), { code: 3, message: 'Missing ModelSpec' });
  assert.deepEqual(await failure({ model_spec: { name: 'none' }, inputs: { x } }), {
    code: 5,
    message: 'Servable not found for request: Latest(none)',
  });
  assert.deepEqual(await failure({ model_spec: { name: 'half', signature_name: 'é%' }, inputs: { x } }), {
    code: 9,
    message: 'Serving signature key "é%" not found.',
  });
  assert.deepEqual(await failure({ model_spec: { name: 'half' }, inputs: { x, b: x } }), {
    code: 3,
    message:
      'input size does not match signature: 2!=1 len({b,x}) != len({x}). Sent extra: {b}. Missing but required: {}.',
  });
});
