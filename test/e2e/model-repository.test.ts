/** A model repository in Triton's layout, through the real command line. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { stamped } from '../support/onnx-models.ts';
import { postJson, skylift, startServer, temporaryFolder } from './harness.ts';
import type { ServerProcess } from './harness.ts';

const GOOD = `platform: "onnxruntime_onnx"
max_batch_size: 0
input [ { name: "x" data_type: TYPE_FP32 dims: [ -1 ] } ]
output [ { name: "y" data_type: TYPE_FP32 dims: [ -1 ] } ]`;

function addModel(repository: string, name: string, config: string | undefined, version = 1): void {
  mkdirSync(join(repository, name, String(version)), { recursive: true });
  writeFileSync(join(repository, name, String(version), 'model.onnx'), stamped(version));
  if (config !== undefined) writeFileSync(join(repository, name, 'config.pbtxt'), config);
}

async function answerOf(server: ServerProcess, model: string): Promise<unknown> {
  const x = { name: 'x', shape: [1], datatype: 'FP32', data: [0] };
  const { status, body } = await postJson(`${server.url}/v2/models/${model}/infer`, { inputs: [x] });
  return status === 200 ? (body as { outputs: { data: number[] }[] }).outputs[0]?.data[0] : status;
}

interface IndexEntry {
  readonly name: string;
  readonly version?: string;
  readonly state: string;
  readonly reason: string;
}

async function indexOf(server: ServerProcess): Promise<readonly IndexEntry[]> {
  return (await postJson(`${server.url}/v2/repository/index`, {})).body as readonly IndexEntry[];
}

/** Until `holds`, or the test runs into its limit. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await delay(100);
}

test('models are served as their files say, a wrong file is told in the index and stops nobody else', async (t) => {
  const folder = temporaryFolder(t);
  const repository = join(folder, 'models');
  addModel(
    repository,
    'all',
    `${GOOD}\nversion_policy { all { } }\ninstance_group { count: 1 kind: KIND_CPU }`,
  );
  addModel(repository, 'all', undefined, 2);
  addModel(repository, 'bare', undefined, 3);
  addModel(repository, 'gpu', `${GOOD}\ninstance_group { kind: KIND_GPU }`);
  addModel(repository, 'misfit', GOOD.replace('TYPE_FP32', 'TYPE_INT64'));
  mkdirSync(join(repository, 'empty'));
  symlinkSync(join(repository, 'loop'), join(repository, 'loop'));
  const server = await startServer(
    t,
    [
      'serve',
      `--model-repository=${repository}`,
      '--http-port=0',
      '--strict-readiness=false',
      '--log-info=true',
    ],
    { env: { SKYLIFT_STORE: join(folder, 'store') } },
  );
  assert.deepEqual([await answerOf(server, 'all'), await answerOf(server, 'bare')], [2, 3]);
  assert.equal(await answerOf(server, 'all/versions/1'), 1);
  const index = await indexOf(server);
  const states = index.map(({ name, version, state }) => `${name} ${version ?? '-'} ${state}`);
  assert.deepEqual(states.toSorted(), [
    'all 1 READY',
    'all 2 READY',
    'bare 3 READY',
    'empty - UNAVAILABLE',
    'gpu 1 UNAVAILABLE',
    'misfit 1 UNAVAILABLE',
  ]);
  const reasonOf = (model: string): string => index.find(({ name }) => name === model)?.reason ?? '';
  assert.match(reasonOf('gpu'), /config\.pbtxt:5:\d+: instance_group asks for a GPU/);
  assert.match(reasonOf('misfit'), /the input "x" is TYPE_INT64, but the model has TYPE_FP32/);
  const config = (await (await fetch(`${server.url}/v2/models/all/versions/1/config`)).json()) as Record<
    string,
    unknown
  >;
  assert.equal(config['max_batch_size'], 0);
  assert.deepEqual(config['version_policy'], { all: {} });
  const client = new GrpcClient(t, server.url.replace('http://', ''));
  const { config: overGrpc } = await client.call('inference.GRPCInferenceService/ModelConfig', {
    name: 'all',
  });
  const message = overGrpc as Record<string, unknown>;
  for (const [field, value] of Object.entries({
    name: 'all',
    platform: 'onnxruntime_onnx',
    backend: 'onnxruntime',
    max_batch_size: 0,
    input: [{ name: 'x', data_type: 'TYPE_FP32', dims: ['-1'] }],
    output: [{ name: 'y', data_type: 'TYPE_FP32', dims: ['-1'] }],
    instance_group: [{ name: 'all_0', count: 1, kind: 'KIND_CPU' }],
    version_policy: { all: {}, policy_choice: 'all' },
  }))
    assert.deepEqual(message[field], value, field);
  const metadata = (await (await fetch(`${server.url}/v2`)).json()) as { extensions: string[] };
  assert.ok(metadata.extensions.includes('model_configuration'));
  assert.match(server.said(), /--log_info has no effect: /);
  assert.equal((await server.stop()).code, 0);
});

test('with explicit control models come and go on request, as their folders are then', async (t) => {
  const folder = temporaryFolder(t);
  const repository = join(folder, 'models');
  addModel(repository, 'first', GOOD);
  addModel(repository, 'second', GOOD);
  const server = await startServer(
    t,
    [
      'serve',
      '--model-repository',
      repository,
      '--model-control-mode=explicit',
      '--load-model=first',
      '--http-port=0',
    ],
    { env: { SKYLIFT_STORE: join(folder, 'store') } },
  );
  const load = async (model: string): Promise<number> => {
    const reply = await fetch(`${server.url}/v2/repository/models/${model}/load`, { method: 'POST' });
    await reply.arrayBuffer();
    return reply.status;
  };
  assert.deepEqual([await answerOf(server, 'first'), await answerOf(server, 'second')], [1, 404]);
  const states = (await indexOf(server)).map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states.toSorted(), ['first READY', 'second UNAVAILABLE']);
  assert.equal(await load('second'), 200);
  assert.equal(await answerOf(server, 'second'), 1);
  addModel(repository, 'third', GOOD, 7);
  assert.equal(await load('third'), 200);
  assert.equal(await answerOf(server, 'third'), 7);
  addModel(repository, 'first', 'backend: "python"', 2);
  assert.notEqual(await load('first'), 200);
  assert.equal(await answerOf(server, 'first'), 1, 'what answered goes on');
  assert.equal(await load('nobody'), 404);
  assert.equal((await server.stop()).code, 0);
});

test('with polling what changes is taken over, and a wrong file changes nothing', async (t) => {
  const folder = temporaryFolder(t);
  const repository = join(folder, 'models');
  addModel(repository, 'm', GOOD);
  addModel(repository, 'wrong', 'no_such_field: 1');
  const server = await startServer(
    t,
    [
      'serve',
      `--model-repository=${repository}`,
      '--model-control-mode=poll',
      '--repository-poll-secs=0.1',
      '--http-port=0',
      '--strict-readiness=false',
      '--version_settle_ms=50',
    ],
    { env: { SKYLIFT_STORE: join(folder, 'store') } },
  );
  assert.equal(await answerOf(server, 'm'), 1);
  addModel(repository, 'wrong', GOOD);
  await until(async () => (await answerOf(server, 'wrong')) === 1);
  addModel(repository, 'm', 'backend: "python"');
  await until(async () => /m, version 1: SKY_CONFIG_INVALID/.test(server.said()));
  assert.equal(await answerOf(server, 'm'), 1, 'what answered goes on');
  addModel(repository, 'm', `${GOOD}\nversion_policy { latest { num_versions: 2 } }`, 2);
  await until(async () => (await answerOf(server, 'm')) === 2);
  assert.equal((await server.stop()).code, 0);
});

test('with --exit-on-error a wrong file ends the start', async (t) => {
  const folder = temporaryFolder(t);
  const repository = join(folder, 'models');
  addModel(repository, 'm', 'platform: "tensorrt_plan"');
  const result = await skylift(
    ['serve', `--model-repository=${repository}`, '--exit-on-error=true', '--http-port=0'],
    { env: { SKYLIFT_STORE: join(folder, 'store') } },
  );
  assert.equal(result.code, 3, result.stderr);
  assert.match(result.stderr, /the platform "tensorrt_plan" is not served here/);
});
