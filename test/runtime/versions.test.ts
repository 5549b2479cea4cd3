/** Versions, labels and configuration files of a real server with real engines. */
import assert from 'node:assert/strict';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../../src/index.ts';
import type { RunningServer, ServeEvent, ServeOptions } from '../../src/index.ts';
import { stamped } from '../support/onnx-models.ts';
import { openScratch } from '../support/packages.ts';

const LIMITS = { version_poll_ms: 20, version_settle_ms: 30, config_poll_ms: 20, warmup_budget_ms: 50 };
const PATIENCE_MS = 20_000;

async function writeModel(base: string, version: number, bytes = stamped(version)): Promise<void> {
  const made = join(dirname(base), `made-${version}`);
  await mkdir(made, { recursive: true });
  await writeFile(join(made, 'model.onnx'), bytes);
  await mkdir(base, { recursive: true });
  await rename(made, join(base, String(version)));
}

function start(dir: string, options: ServeOptions): Promise<RunningServer> {
  return serve({ storeDir: join(dir, 'store'), http: { port: 0 }, limits: LIMITS, ...options });
}

/** The stamp of the model that answers, or the error. */
async function ask(server: RunningServer, path: string): Promise<number | string> {
  const body = '{"instances":[0]}';
  const response = await fetch(`${server.url}/v1/models/${path}:predict`, { method: 'POST', body });
  const answer = await response.text();
  const [, stamp] = /"predictions": ?\[\s*([\d.]+)/.exec(answer) ?? [];
  return stamp === undefined ? `${response.status} ${JSON.parse(answer).error}` : Number(stamp);
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endsAt = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    assert.ok(performance.now() < endsAt, `never came true: ${String(isSo)}`);
    await sleep(10);
  }
}

function config(
  dir: string,
  versions: readonly number[],
  labels: Readonly<Record<string, number>> = {},
): string {
  const labelled = Object.entries(labels).map(
    ([key, value]) => `version_labels { key: "${key}" value: ${value} }`,
  );
  return `model_config_list { config {
    name: "m" base_path: "${join(dir, 'm')}" model_platform: "tensorflow"
    model_version_policy { specific { ${versions.map((version) => `versions: ${version}`).join(' ')} } }
    ${labelled.join(' ')}
  } }`;
}

test('a version that cannot be loaded is passed over at the start, and told', async () => {
  await using scratch = await openScratch();
  const base = join(scratch.dir, 'm');
  await writeModel(base, 1);
  await writeModel(base, 2, stamped(2).subarray(0, -5));
  const events: ServeEvent[] = [];
  await using server = await start(scratch.dir, {
    models: { m: base },
    onEvent: (event) => events.push(event),
  });
  assert.equal(await ask(server, 'm'), 1);
  const states = server.models()[0]?.versions.map(({ version, state }) => `${version} ${state}`);
  assert.deepEqual(states?.sort(), ['1 AVAILABLE', '2 END']);
  const failed = events.find((event) => event.kind === 'failed');
  assert.equal(failed?.version, 2n);
  assert.match(failed?.error.code ?? '', /^SKY_ONNX_/);
  const status = await (await fetch(`${server.url}/v1/models/m/versions/2`)).text();
  assert.match(status, /"state": "END"[^]*"error_code": "INVALID_ARGUMENT"/);

  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^skylift_version_events_total\{model_name="m",event="failed"\} 1$/m);

  await rm(join(base, '2'), { recursive: true });
  await writeModel(base, 2);
  await until(async () => (await ask(server, 'm')) === 2);
});

test('a model without any version that loads ends the start with the error of its newest', async () => {
  await using scratch = await openScratch();
  const base = join(scratch.dir, 'm');
  await writeModel(base, 1, Buffer.from('no model'));
  await assert.rejects(start(scratch.dir, { models: { m: base } }), /SKY_ONNX_|onnx/i);
});

test('a start can wait for the first version; until then requests get 503', async () => {
  await using scratch = await openScratch();
  const base = join(scratch.dir, 'm');
  let url = '';
  const starting = start(scratch.dir, {
    models: { m: base },
    limits: { ...LIMITS, model_wait_ms: PATIENCE_MS },
    onEvent: (event) => void (event.kind === 'listening' && (url = event.url)),
  });
  await until(() => url !== '');
  assert.equal((await fetch(`${url}/readyz`)).status, 503);
  await writeModel(base, 5);
  await using server = await starting;
  assert.equal(await ask(server, 'm'), 5);
  await assert.rejects(
    start(scratch.dir, { models: { n: join(scratch.dir, 'n') }, limits: { ...LIMITS, model_wait_ms: 100 } }),
    { code: 'SKY_MODEL_NO_VERSIONS' },
  );
});

test('deleting every version, or the folder itself, takes nothing away from a running server', async () => {
  await using scratch = await openScratch();
  const base = join(scratch.dir, 'm');
  await writeModel(base, 1);
  await using server = await start(scratch.dir, { models: { m: base } });
  for (const gone of [join(base, '1'), base]) {
    await rm(gone, { recursive: true });
    await sleep(100);
    assert.equal(await ask(server, 'm'), 1);
  }
});

test('a changed config file moves versions and labels; a wrong one changes nothing', async () => {
  await using scratch = await openScratch();
  const { dir } = scratch;
  for (const version of [1, 2, 3]) await writeModel(join(dir, 'm'), version);
  await writeModel(join(dir, 'other'), 7);
  const file = join(dir, 'models.config');
  await writeFile(file, config(dir, [1, 2], { stable: 1, canary: 2 }));
  const logged: string[] = [];
  await using server = await start(dir, {
    modelConfigFile: file,
    log: (level, message, fields) => logged.push(`${level} ${message} ${String(fields?.['reason'])}`),
  });
  assert.equal(await ask(server, 'm'), 2);
  assert.equal(await ask(server, 'm/labels/stable'), 1);
  assert.equal(await ask(server, 'm/labels/canary'), 2);
  assert.equal(await ask(server, 'm/labels/none'), '400 Unrecognized servable version label: none');
  assert.equal(await ask(server, 'm/versions/3'), '404 Servable not found for request: Specific(m, 3)');

  for (const [wrong, reason] of [
    ['model_config_list { config { name: "m" } ', /models.config:1:42: expected "}"/],
    [config(dir, [1, 2, 3], { stable: 3 }), /assign label to version 3 of model m, which is not currently/],
    [`${config(dir, [1])} ${config(dir, [2])}`, /stands there twice/],
  ] as const) {
    await writeFile(file, wrong);
    await until(() => logged.some((line) => line.startsWith('error') && reason.test(line)));
    assert.equal(await ask(server, 'm/labels/stable'), 1);
  }

  await writeFile(file, config(dir, [1, 2, 3], { stable: 1, canary: 2 }));
  await until(async () => (await ask(server, 'm')) === 3);
  await writeFile(file, config(dir, [2, 3], { stable: 2, canary: 3 }));
  await until(async () => (await ask(server, 'm/labels/stable')) === 2);
  await until(() => server.models()[0]?.versions.find(({ version }) => version === 1n)?.state === 'END');
  assert.equal(await ask(server, 'm/labels/canary'), 3);

  const other = `config { name: "other" base_path: "${join(dir, 'other')}" model_platform: "onnx" }`;
  await writeFile(file, `model_config_list { ${other} }`);
  await until(async () => (await ask(server, 'other')) === 7);
  assert.equal(await ask(server, 'm'), '404 Servable not found for request: Latest(m)');
  await until(() => server.report().length === 1);
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
});

test('an unloaded version leaves no process behind', { skip: process.platform !== 'linux' }, async () => {
  await using scratch = await openScratch();
  const base = join(scratch.dir, 'm');
  await writeModel(base, 1);
  await using server = await start(scratch.dir, { models: { m: base } });
  const [old] = server.report().flatMap(({ engines }) => engines.map(({ pid }) => pid));
  await writeModel(base, 2);
  await until(() => server.report().length === 1 && server.report()[0]?.version === 2n);
  assert.ok(!(await readdir('/proc')).includes(String(old)));
});
