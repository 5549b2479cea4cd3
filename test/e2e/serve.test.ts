/** The main road: a file becomes a package, is looked at, served, asked, and the server ends in order. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';
import { freePort, postJson, skylift, startServer, temporaryFolder } from './harness.ts';
import { CAN_SEE_PROCESSES, descendantsOf } from '../../tools/support/processes.ts';

test('a file is imported, inspected, served and asked, and the server ends with 0 on SIGTERM', async (t) => {
  const folder = temporaryFolder(t);
  const env = { SKYLIFT_STORE: join(folder, 'store') };
  const file = join(folder, 'half_plus_two.onnx');
  const pkg = join(folder, 'half_plus_two');
  writeFileSync(file, halfPlusTwo());

  const imported = await skylift(['import', file, '--out', pkg], { env });
  assert.equal(imported.code, 0, imported.stderr);

  const inspected = await skylift(['inspect', pkg, '--json'], { env });
  assert.equal(inspected.code, 0, inspected.stderr);
  assert.match(inspected.stdout, /"serving_default"/);
  JSON.parse(inspected.stdout);

  const server = await startServer(t, ['serve', pkg, '--rest_api_port=0'], { env });
  const url = `${server.url}/v1/models/half_plus_two:predict`;
  assert.deepEqual(await postJson(url, { instances: [1, 2, 5] }), {
    status: 200,
    body: { predictions: [2.5, 3, 4.5] },
  });
  assert.deepEqual(await postJson(url, { inputs: { x: [1, 2, 5] } }), {
    status: 200,
    body: { outputs: [2.5, 3, 4.5] },
  });
  const x = { name: 'x', shape: [3], datatype: 'FP32', data: [1, 2, 5] };
  const inferred = await postJson(`${server.url}/v2/models/half_plus_two/infer`, { inputs: [x] });
  assert.deepEqual(inferred, {
    status: 200,
    body: {
      model_name: 'half_plus_two',
      model_version: '1',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [3], data: [2.5, 3, 4.5] }],
    },
  });
  const status = await fetch(`${server.url}/v1/models/half_plus_two`);
  assert.match(await status.text(), /"AVAILABLE"/);
  if (CAN_SEE_PROCESSES)
    assert.notDeepEqual(descendantsOf(server.pid), [], 'engines are processes of their own');

  const ended = await server.stop('SIGTERM');
  assert.equal(ended.code, 0, ended.stderr);
});

test('an .onnx file is served under its own name without an import before', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'half_plus_two.onnx');
  writeFileSync(file, halfPlusTwo());
  const server = await startServer(t, ['serve', file, '--rest_api_port=0'], {
    env: { SKYLIFT_STORE: join(folder, 'store') },
  });
  const answer = await postJson(`${server.url}/v1/models/half_plus_two:predict`, { instances: [{ x: 4 }] });
  assert.deepEqual(answer, { status: 200, body: { predictions: [4] } });
  assert.equal((await server.stop()).code, 0);
});

test('a request with a wrong input is answered with 400 and the server answers on', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'half_plus_two.onnx');
  writeFileSync(file, halfPlusTwo());
  const server = await startServer(t, ['serve', file, '--rest_api_port=0'], {
    env: { SKYLIFT_STORE: join(folder, 'store') },
  });
  const url = `${server.url}/v1/models/half_plus_two:predict`;
  assert.equal((await postJson(url, { instances: ['seven'] })).status, 400);
  assert.equal((await postJson(`${server.url}/v1/models/other:predict`, { instances: [1] })).status, 404);
  assert.equal((await postJson(url, { instances: [0] })).status, 200);
  assert.equal((await server.stop()).code, 0);
});

test('a broken file is refused with its code, a next step and exit code 3', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'bad.onnx');
  writeFileSync(file, halfPlusTwo().subarray(0, -20));
  const env = { SKYLIFT_STORE: join(folder, 'store') };
  for (const args of [
    ['import', file, '--out', join(folder, 'out')],
    ['serve', file, '--rest_api_port=0'],
  ]) {
    const refused = await skylift(args, { env });
    assert.equal(refused.code, 3, `${args[0]}: ${refused.stderr}`);
    assert.match(refused.stderr, /SKY_ONNX_\w+/);
    assert.match(refused.stderr, /docs\/errors\/SKY_ONNX_\w+\.md/);
    assert.doesNotMatch(refused.stderr, /\n\s+at .+:\d+:\d+/, 'no stack trace for a foreseen failure');
  }
});

test('a path that does not exist ends with exit code 5', async (t) => {
  const missing = join(temporaryFolder(t), 'nothing.onnx');
  const refused = await skylift(['serve', missing, '--rest_api_port=0']);
  assert.equal(refused.code, 5, refused.stderr);
  assert.match(refused.stderr, /SKY_MODEL_NOT_FOUND/);
});

test('tensorflow_model_server understands the flags of the original', async (t) => {
  const folder = temporaryFolder(t);
  const base = join(folder, 'models', 'half_plus_two');
  for (const version of ['1', '3']) {
    mkdirSync(join(base, version), { recursive: true });
    writeFileSync(join(base, version, 'model.onnx'), halfPlusTwo());
  }
  const grpcPort = await freePort();
  const ports = [`--port=${grpcPort}`, `--rest_api_port=${await freePort()}`];
  const server = await startServer(t, [...ports, '--model_name=half_plus_two', `--model_base_path=${base}`], {
    program: 'tensorflow_model_server',
    env: { SKYLIFT_STORE: join(folder, 'store') },
  });
  const model = `${server.url}/v1/models/half_plus_two`;
  assert.deepEqual(await postJson(`${model}:predict`, { instances: [1] }), {
    status: 200,
    body: { predictions: [2.5] },
  });
  assert.equal((await postJson(`${model}/versions/3:predict`, { instances: [1] })).status, 200);
  assert.equal((await postJson(`${model}/versions/7:predict`, { instances: [1] })).status, 404);
  assert.match(
    server.said(),
    new RegExp(`Running gRPC ModelServer at 0\\.0\\.0\\.0:${grpcPort} \\.\\.\\.\n`),
  );
  const reply = await new GrpcClient(t, `127.0.0.1:${grpcPort}`).call(
    'tensorflow.serving.PredictionService/Predict',
    {
      model_spec: { name: 'half_plus_two' },
      inputs: { x: { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [1] } },
    },
  );
  const { y } = (reply as { outputs: Record<string, { float_val: number[] }> }).outputs;
  assert.deepEqual(y?.float_val, [2.5]);
  const metadata = await fetch(`${model}/metadata`);
  assert.match(await metadata.text(), /"signature_def"/);
  assert.equal((await server.stop()).code, 0);
});
