/** What an administrator may do to a running server, over REST and gRPC, and who may not. */
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../../src/index.ts';
import type { RunningServer, ServeOptions } from '../../src/index.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import type { Message } from '../grpc/grpc-client.ts';
import { countingLoop, stamped } from '../support/onnx-models.ts';
import { openScratch } from '../support/packages.ts';

const RELOAD = 'tensorflow.serving.ModelService/HandleReloadConfigRequest';

async function writeModel(dir: string, name: string, version: number): Promise<string> {
  const base = join(dir, name);
  await mkdir(join(base, String(version)), { recursive: true });
  await writeFile(join(base, String(version), 'model.onnx'), stamped(version));
  return base;
}

/** Nothing is polled: what happens is what was asked for. */
async function start(dir: string, options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  return serve({
    models: { m: await writeModel(dir, 'm', 1) },
    http: { port: 0 },
    storeDir: join(dir, 'store'),
    limits: { version_poll_ms: 0, version_settle_ms: 0, warmup_budget_ms: 50 },
    ...options,
  });
}

function clientOf(t: TestContext, server: RunningServer): GrpcClient {
  return new GrpcClient(t, server.grpc[0] ?? '');
}

async function post(server: RunningServer, path: string, body = '', headers = {}): Promise<string> {
  const response = await fetch(server.url + path, { method: 'POST', body, headers });
  return `${response.status} ${(await response.text()).replaceAll(/\s/g, '')}`;
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await isSo()); i++) {
    assert.ok(i < 2000, `never came true: ${String(isSo)}`);
    await sleep(10);
  }
}

const ask = (server: RunningServer, model: string): Promise<string> =>
  post(server, `/v1/models/${model}:predict`, '{"instances":[0]}');

test('a model is unloaded with its processes, stays in the index, and comes back with a new version', async () => {
  await using scratch = await openScratch();
  await using server = await start(scratch.dir);
  assert.equal(await post(server, '/v2/repository/models/m/unload'), '200 ');
  assert.deepEqual(server.report(), []);
  assert.equal((await ask(server, 'm')).slice(0, 3), '404');
  assert.match(await post(server, '/v2/repository/index'), /"name":"m","version":"1","state":"UNAVAILABLE"/);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200, 'nobody wants the model');
  await writeModel(scratch.dir, 'm', 2);
  const together = ['load', 'load'].map((verb) => post(server, `/v2/repository/models/m/${verb}`, '{}'));
  assert.deepEqual(await Promise.all(together), ['200 ', '200 ']);
  assert.equal(await ask(server, 'm'), '200 {"predictions":[2.0]}');
  await writeModel(scratch.dir, 'm', 3);
  assert.equal(await post(server, '/v2/repository/models/m/load'), '200 ');
  assert.equal(await ask(server, 'm'), '200 {"predictions":[3.0]}');
});

test('a request cannot bring files or settings, and names what is unknown', async () => {
  await using scratch = await openScratch();
  await using server = await start(scratch.dir);
  const load = (body: string): Promise<string> => post(server, '/v2/repository/models/m/load', body);
  assert.match(await load('{"parameters": {"config": "{}"}}'), /^400 .*"config\\"isnotallowed/);
  assert.match(await load('{"parameters": {"file:1/model.onnx": "AAAA"}}'), /^400 .*isnotallowed/);
  assert.match(await load('['), /^400 /);
  assert.match(await post(server, '/v2/repository/models/other/load'), /^404 .*nomodelother/);
  assert.equal(
    await post(server, '/v2/repository/models/m/unload', '{"parameters": {"unload_dependents": true}}'),
    '200 ',
  );
});

test('the same over gRPC', async (t) => {
  await using scratch = await openScratch();
  await using server = await start(scratch.dir);
  const client = clientOf(t, server);
  const manage = (verb: string, request: Message): Promise<Message> =>
    client.call(`inference.GRPCInferenceService/RepositoryModel${verb}`, request);
  await manage('Unload', { model_name: 'm', parameters: { unload_dependents: { bool_param: true } } });
  assert.deepEqual(server.report(), []);
  await manage('Load', { model_name: 'm' });
  assert.equal(await ask(server, 'm'), '200 {"predictions":[1.0]}');
  await assert.rejects(manage('Load', { model_name: 'm', parameters: { config: { string_param: '' } } }), {
    code: 3,
  });
  await assert.rejects(manage('Load', { model_name: 'other' }), { code: 5 });
});

test('a new list of models replaces the old one; a wrong list changes nothing', async (t) => {
  await using scratch = await openScratch();
  await using server = await start(scratch.dir);
  const client = clientOf(t, server);
  const [m, n] = [join(scratch.dir, 'm'), await writeModel(scratch.dir, 'n', 5)];
  await writeModel(scratch.dir, 'n', 6);
  const reload = (...config: Message[]): Promise<Message> =>
    client.call(RELOAD, { config: { model_config_list: { config } } });
  const model = (name: string, base_path: string, more: Message = {}): Message => ({
    name,
    base_path,
    model_platform: 'tensorflow',
    ...more,
  });
  const specific = { model_version_policy: { specific: { versions: [5, 6] } } };

  for (const [configs, message] of [
    [[model('m', m), model('m', m)], /Illegal to list model m multiple times in config list/],
    [[model('m', 'models/m')], /absolute path or URI; got base_path\(\)=models\/m/],
    [[{ name: 'm', base_path: m }], /Illegal setting neither/],
    [[model('m', m, { version_labels: { stable: 9 } })], /assign label to version 9 of model m/],
  ] as const)
    await assert.rejects(reload(...configs), message);
  assert.equal(await ask(server, 'm'), '200 {"predictions":[1.0]}');

  await client.call(RELOAD, {});
  assert.deepEqual(await reload(model('m', m), model('n', n, specific)), {
    status: { error_code: 0, error_message: '' },
  });
  assert.equal(await ask(server, 'n/versions/5'), '200 {"predictions":[5.0]}');
  await reload(model('n', n, { ...specific, version_labels: { stable: 5 } }));
  assert.equal(await ask(server, 'n/labels/stable'), '200 {"predictions":[5.0]}');
  assert.equal((await ask(server, 'm')).slice(0, 3), '404');
  await assert.rejects(reload(model('n', n), model('gone', join(scratch.dir, 'gone'))), {
    code: 2,
    details: '1 model(s) did not become available: {gone}',
  });
});

test('another path under the same name is another model, also where the version has the same number', async (t) => {
  await using scratch = await openScratch();
  await using server = await start(scratch.dir);
  const other = join(scratch.dir, 'other');
  await mkdir(join(other, '1'), { recursive: true });
  await writeFile(join(other, '1', 'model.onnx'), stamped(77));
  const config = [{ name: 'm', base_path: other, model_platform: 'onnx' }];
  const state = { failed: 0, isOver: false };
  const asking = (async () => {
    while (!state.isOver) if (!(await ask(server, 'm')).startsWith('200')) state.failed++;
  })();
  await clientOf(t, server).call(RELOAD, { config: { model_config_list: { config } } });
  await until(async () => (await ask(server, 'm')) === '200 {"predictions":[77.0]}');
  state.isOver = true;
  await asking;
  assert.equal(state.failed, 0);
  await until(() => server.report().length === 1);
});

test('a model that is removed and added while a request runs answers, and so does the request', async () => {
  await using scratch = await openScratch();
  const file = join(scratch.dir, 'models.config');
  const loop = join(scratch.dir, 'loop.onnx');
  await writeFile(loop, countingLoop());
  const keep = await writeModel(scratch.dir, 'keep', 1);
  const entry = (name: string, path: string): string =>
    `config { name: "${name}" base_path: "${path}" model_platform: "onnx" }`;
  const both = `model_config_list { ${entry('keep', keep)} ${entry('loop', loop)} }`;
  await writeFile(file, both);
  await using server = await serve({
    modelConfigFile: file,
    http: { port: 0 },
    storeDir: join(scratch.dir, 'store'),
    threads: { engines: 1, threads: 1 },
    limits: { config_poll_ms: 20, version_settle_ms: 0, warmup_budget_ms: 50, run_limit_ms: 60_000 },
  });
  const run = (trips: number): Promise<string> =>
    post(server, '/v1/models/loop:predict', `{"inputs":{"trips":[${trips}]}}`);
  const long = run(3_000_000);
  await writeFile(file, `model_config_list { ${entry('keep', keep)} }`);
  await until(() => server.models().length === 1);
  await writeFile(file, both);
  await until(async () => (await run(10)).startsWith('200'));
  assert.match(await long, /^200 /);
  for (let i = 0; i < 3; i++) assert.match(await run(10), /^200 /);
});

test('whoever waits for a load hears when its files, or the model, go away', async () => {
  await using scratch = await openScratch();
  await using server = await start(scratch.dir, {
    limits: { version_poll_ms: 20, version_settle_ms: 400, warmup_budget_ms: 50 },
  });
  await post(server, '/v2/repository/models/m/unload');
  await writeModel(scratch.dir, 'm', 1);
  const loading = post(server, '/v2/repository/models/m/load');
  await rm(join(scratch.dir, 'm', '1'), { recursive: true });
  assert.match(await loading, /^[45]\d\d /);
  assert.equal((await post(server, '/v2/repository/models/m/load')).slice(0, 3), '404');

  await writeModel(scratch.dir, 'm', 2);
  const calls = Array.from({ length: 8 }, (_, i) =>
    post(server, `/v2/repository/models/m/${i % 2 === 0 ? 'load' : 'unload'}`),
  );
  for (const answer of await Promise.all(calls)) assert.match(answer, /^(?:200|503) /);
  assert.equal(await post(server, '/v2/repository/models/m/load'), '200 ');
  assert.equal(await ask(server, 'm'), '200 {"predictions":[2.0]}');
});

test('models are managed from this machine only, and not by pages in a browser', async (t) => {
  await using scratch = await openScratch();
  const path = '/v2/repository/models/m/unload';
  {
    await using server = await start(scratch.dir);
    assert.match(await post(server, path, '', { origin: 'https://evil.example' }), /^403 /);
  }
  {
    await using server = await start(scratch.dir, { http: { host: '0.0.0.0', port: 0 } });
    assert.match(await post(server, path), /^403 /);
    await assert.rejects(clientOf(t, server).call(RELOAD, {}), { code: 7 });
  }
  await using server = await start(scratch.dir, {
    http: { host: '0.0.0.0', port: 0 },
    allowRemoteAdmin: true,
  });
  assert.equal(await post(server, path), '200 ');
});
