/** More models than memory: those that nobody asks for have no engines, and get them back when somebody does. */
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { serve } from '../../src/index.ts';
import type { Limits, RunningServer } from '../../src/index.ts';
import { matMul, stamped } from '../support/onnx-models.ts';
import { openScratch } from '../support/packages.ts';

const NAMES = ['one', 'two', 'three'];

async function start(dir: string, limits: Partial<Limits>): Promise<RunningServer> {
  const models: Record<string, string> = {};
  for (const [i, name] of NAMES.entries()) {
    models[name] = join(dir, `${name}.onnx`);
    await writeFile(models[name], stamped(i + 1));
  }
  return serve({
    models,
    http: { port: 0 },
    storeDir: join(dir, 'store'),
    threads: { engines: 1, threads: 1 },
    limits: { warmup_budget_ms: 50, ...limits },
  });
}

async function ask(server: RunningServer, name: string): Promise<string> {
  const url = `${server.url}/v1/models/${name}:predict`;
  const response = await fetch(url, { method: 'POST', body: '{"instances":[0]}' });
  return (await response.text()).replaceAll(/\s/g, '');
}

function awake(server: RunningServer): string[] {
  return server.report().flatMap(({ model, engines }) => (engines.length > 0 ? [model] : []));
}

test('with memory for two models three are served, and the one that was asked for last has engines', async () => {
  await using scratch = await openScratch();
  const bytes = await sizeOfOne(scratch.dir);
  await using server = await start(scratch.dir, { model_memory_bytes: Math.round(bytes * 2.2) });
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
  for (const [i, name] of [...NAMES, ...NAMES].entries()) {
    assert.equal(await ask(server, name), `{"predictions":[${(i % 3) + 1}.0]}`);
    assert.ok(awake(server).includes(name) && awake(server).length < 3, awake(server).join());
  }
  const together = await Promise.all([...NAMES, ...NAMES].map((name) => ask(server, name)));
  assert.deepEqual(
    together,
    [1, 2, 3, 1, 2, 3].map((stamp) => `{"predictions":[${stamp}.0]}`),
  );
  assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
});

test('a model that does not fit at all ends the start, with the numbers', async () => {
  await using scratch = await openScratch();
  await assert.rejects(start(scratch.dir, { model_memory_bytes: 1e6 }), {
    code: 'SKY_MODEL_TOO_LARGE',
    message: /^model \w+ needs about .*, all models together may take .*--model_memory_bytes/,
  });
});

test('a model takes no more engines than it may have memory, and can always be woken', async () => {
  await using scratch = await openScratch();
  const file = join(scratch.dir, 'wide.onnx');
  await writeFile(file, matMul({ width: 4096, outputWidth: 4096 })); // slow enough to earn a second engine on two cores
  const serveWide = (limits: Partial<Limits>): Promise<RunningServer> =>
    serve({ models: { wide: file }, http: { port: 0 }, storeDir: join(scratch.dir, 'store'), limits });
  let bytes = 0;
  {
    await using server = await serveWide({});
    const [{ memoryBytes, engines } = { memoryBytes: 0, engines: [] }] = server.report();
    bytes = memoryBytes / engines.length;
  }
  await using server = await serveWide({ model_memory_bytes: Math.round(bytes * 1.4), idle_unload_ms: 200 });
  assert.ok(server.report().every(({ engines }) => engines.length < 2));
  for (let i = 0; awake(server).length > 0; i++) {
    assert.ok(i < 200, 'still awake');
    await sleep(50);
  }
  const body = JSON.stringify({ instances: [Array.from({ length: 4096 }, () => 1)] });
  const answer = await fetch(`${server.url}/v1/models/wide:predict`, { method: 'POST', body });
  assert.equal(answer.status, 200);
  assert.ok((await answer.text()).includes('4096'));
});

test('a model that nobody asks for has no engines until somebody does', async () => {
  await using scratch = await openScratch();
  await using server = await start(scratch.dir, { idle_unload_ms: 100 });
  for (let i = 0; awake(server).length > 0; i++) {
    assert.ok(i < 200, `still awake: ${awake(server).join()}`);
    await sleep(50);
  }
  assert.equal((await fetch(`${server.url}/v1/models/two/metadata`)).status, 200);
  assert.deepEqual(awake(server), []);
  assert.equal(await ask(server, 'two'), '{"predictions":[2.0]}');
});

async function sizeOfOne(dir: string): Promise<number> {
  await using server = await start(dir, {});
  return Math.min(...server.report().map(({ memoryBytes }) => memoryBytes)); // whoever is alone has the libraries for itself
}
