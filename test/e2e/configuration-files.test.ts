/** The configuration files of a production server, through the real command lines. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { halfPlusTwo } from '../support/onnx-models.ts';
import { freePort, postJson, skylift, startServer, temporaryFolder } from './harness.ts';

/** A base path with version 1 of a model, and the settings files that are given by name. */
function modelFolder(folder: string, files: Readonly<Record<string, string>>): string {
  const version = join(folder, 'models', 'm', '1');
  mkdirSync(version, { recursive: true });
  writeFileSync(join(version, 'model.onnx'), halfPlusTwo());
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return join(folder, 'models', 'm');
}

test('the settings files of TensorFlow Serving count, and what has no effect is said once each', async (t) => {
  const folder = temporaryFolder(t);
  const base = modelFolder(folder, {
    'batching.pbtxt':
      'max_batch_size { value: 4 } batch_timeout_micros { value: 1000 } num_batch_threads { value: 2 }',
    'monitoring.pbtxt': 'prometheus_config { enable: true path: "/my/metrics" }',
    'session.pbtxt': 'intra_op_parallelism_threads: 1 allow_soft_placement: true',
  });
  const server = await startServer(
    t,
    [
      `--rest_api_port=${await freePort()}`,
      '--port=0',
      '--model_name=m',
      `--model_base_path=${base}`,
      '--enable_batching',
      `--batching_parameters_file=${join(folder, 'batching.pbtxt')}`,
      `--monitoring_config_file=${join(folder, 'monitoring.pbtxt')}`,
      `--tensorflow_session_config_file=${join(folder, 'session.pbtxt')}`,
    ],
    { program: 'tensorflow_model_server', env: { SKYLIFT_STORE: join(folder, 'store') } },
  );
  const asked = await Promise.all(
    Array.from({ length: 20 }, (_, i) => postJson(`${server.url}/v1/models/m:predict`, { instances: [i] })),
  );
  for (const [i, answer] of asked.entries())
    assert.deepEqual(answer, { status: 200, body: { predictions: [i / 2 + 2] } });
  const metrics = await (await fetch(`${server.url}/my/metrics`)).text();
  const runsUpTo = (rows: string): string | undefined =>
    metrics.match(new RegExp(`^skylift_batch_rows_bucket\\{.*le="${rows}".*\\} (\\d+)$`, 'm'))?.[1];
  assert.ok(Number(runsUpTo('4')) > 0, metrics);
  assert.equal(runsUpTo('4'), runsUpTo(String.raw`\+Inf`), 'no run had more than four rows');
  assert.equal((await fetch(`${server.url}/monitoring/prometheus/metrics`)).status, 404);
  for (const words of [
    /batching\.pbtxt: num_batch_threads has no effect/g,
    /session\.pbtxt: allow_soft_placement has no/g,
  ])
    assert.equal([...server.said().matchAll(words)].length, 1, server.said());
  assert.equal((await server.stop()).code, 0);
});

test('per-model batching parameters stand in the folder of a version, and a wrong file is its failure', async (t) => {
  const folder = temporaryFolder(t);
  const base = modelFolder(folder, { 'models/m/1/batching_params.pbtxt': 'max_batch_size { value: -1 }' });
  const result = await skylift(
    [
      `--rest_api_port=${await freePort()}`,
      '--port=0',
      `--model_base_path=${base}`,
      '--enable_batching',
      '--enable_per_model_batching_parameters',
    ],
    { program: 'tensorflow_model_server', env: { SKYLIFT_STORE: join(folder, 'store') } },
  );
  assert.equal(result.code, 255);
  assert.match(
    result.stderr,
    /Error: SKY_CONFIG_INVALID .*batching_params\.pbtxt:1:\d+: max_batch_size must be positive; was -1/,
  );
});

test('a file of our own has flags and models; the environment and the command line stand above it', async (t) => {
  const folder = temporaryFolder(t);
  const base = modelFolder(folder, {});
  const config = join(folder, 'skylift.json');
  const models = [{ name: 'mine', path: base, versions: 'all', labels: { stable: 1 } }];
  const write = (more: object): void => writeFileSync(config, JSON.stringify({ models, ...more }));
  const env = { SKYLIFT_STORE: join(folder, 'store') };

  write({ port: 1, max_body_bytes: 300, rest_api_enable_cors_support: true });
  const server = await startServer(t, ['serve', '--config', config, '--port=0'], {
    env: { ...env, SKYLIFT_MAX_BODY_BYTES: '400' },
  });
  const url = `${server.url}/v1/models/mine/labels/stable:predict`;
  assert.deepEqual(await postJson(url, { instances: [1] }), { status: 200, body: { predictions: [2.5] } });
  const cors = await fetch(`${server.url}/v1/models/mine`);
  assert.equal(cors.headers.get('access-control-allow-origin'), '*', 'the file');
  await cors.arrayBuffer();
  for (const [padding, status] of [
    [330, 200],
    [430, 413],
  ] as const) {
    const body = `{"instances": [1]}`.padEnd(padding);
    const reply = await fetch(url, { method: 'POST', body });
    await reply.arrayBuffer();
    assert.equal(reply.status, status, 'the environment');
  }
  assert.equal((await server.stop()).code, 0);

  for (const [more, code, words] of [
    [{ prot: 1 }, 3, /skylift\.json: "prot" is no key of this file/],
    [{ port: 'x' }, 2, /"x" does not fit "port" in .*skylift\.json/],
    [{ model_repository: '/r' }, 3, /models are given by models and by model_repository/],
  ] as const) {
    write(more);
    const result = await skylift(['serve', `--config=${config}`], { env });
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, words);
  }
});
