/** `serve` with API keys, as a program uses it: a real model, real files, keys that change while it runs. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { serve } from '../../src/api/serve.ts';
import type { AuthOptions, RunningServer, ServeOptions } from '../../src/api/serve.ts';
import { isSkyliftError } from '../../src/core/errors.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import type { AccessEntry } from '../../src/serve/server/access-log.ts';
import { createKey, revokeKey } from '../../src/serve/server/auth/key-edits.ts';
import type { KeyGrant, NewKeyEdit } from '../../src/serve/server/auth/key-edits.ts';
import { editKeys } from '../../src/serve/server/auth/key-store.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';

const limits = resolveLimits();
let folder = '';
let model = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skylift-keys-'));
  model = join(folder, 'half.onnx');
  await writeFile(model, halfPlusTwo());
});
after(() => rm(folder, { recursive: true, force: true }));

function makeKey(keysFile: string, changes: Partial<KeyGrant> = {}): Promise<NewKeyEdit> {
  const grant: KeyGrant = { description: '', permissions: ['predict', 'read'], models: ['*'], ...changes };
  const at = new Date().toISOString();
  return editKeys({ keysFile }, ({ file, pepper }) => createKey(file, pepper, grant, at), {
    limits,
    make: true,
  });
}

const revoke = (keysFile: string, id: string): Promise<unknown> =>
  editKeys({ keysFile }, ({ file }) => revokeKey(file, id), { limits, make: false });

const serveHalf = (keysFile: string, options: Partial<ServeOptions> = {}): Promise<RunningServer> =>
  serve({
    models: { half: model },
    http: { port: 0 },
    storeDir: join(folder, 'store'),
    auth: { keysFile },
    ...options,
  });

async function predict({ url }: RunningServer, key: string): Promise<number> {
  const reply = await fetch(`${url}/v1/models/half:predict`, {
    method: 'POST',
    headers: { 'x-api-key': key },
    body: '{"instances": [1]}',
  });
  await reply.arrayBuffer();
  return reply.status;
}

/** The files are looked at a few times in a second. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await delay(20);
}

for (const backend of ['fast', 'node'] as const)
  test(`keys come and go while a server on ${backend} runs`, async () => {
    const keysFile = join(folder, `live-${backend}.json`);
    const first = await makeKey(keysFile);
    const access: AccessEntry[] = [];
    await using server = await serveHalf(keysFile, {
      http: { port: 0, backend },
      accessLog: (entry) => access.push(entry),
    });
    assert.equal(await predict(server, first.key), 200);
    assert.deepEqual([access.at(-1)?.notes['key'], access.at(-1)?.status], [first.record.id, 200]);
    const second = await makeKey(keysFile, { models: ['ha*'] });
    await until(async () => (await predict(server, second.key)) === 200);
    await revoke(keysFile, first.record.id);
    await until(async () => (await predict(server, first.key)) === 401);
    assert.equal(await predict(server, second.key), 200);
    await rm(keysFile);
    await delay(3 * limits.auth_poll_ms);
    assert.equal(await predict(server, second.key), 200, 'without the file its last keys stay in force');
  });

test('probes need no key, and names of models are for those who have one', async () => {
  const keysFile = join(folder, 'probes.json');
  await makeKey(keysFile);
  let early: Promise<string> | undefined;
  await using server = await serveHalf(keysFile, {
    onEvent(event) {
      if (event.kind === 'listening') early = fetch(`${event.url}/readyz`).then((reply) => reply.text());
    },
  });
  assert.equal(await early, '{"live":true,"ready":false,"waitingFor":["models"]}');
  for (const path of ['/healthz', '/livez', '/readyz', '/v2/health/live', '/v2/health/ready'])
    assert.equal((await fetch(server.url + path)).status, 200, path);
  assert.equal((await fetch(`${server.url}/metrics`)).status, 401);
});

test('a server tells its own program the signatures, without a key', async () => {
  const keysFile = join(folder, 'own.json');
  await makeKey(keysFile);
  await using server = await serveHalf(keysFile);
  assert.deepEqual(Object.keys(server.newest('half').signatures), ['serving_default']);
  assert.throws(() => server.newest('other').signatures, { code: 'SKY_MODEL_NOT_FOUND' });
});

test('a program that misspells the option gets no open server', async () => {
  const auth = JSON.parse('{"keyFile": "keys.json"}') as AuthOptions;
  await assert.rejects(serveHalf('', { auth }), { code: 'SKY_CONFIG_INVALID' });
});

test('nothing starts when the key file cannot be read', async () => {
  let isListening = false;
  const starting = serveHalf(join(folder, 'absent.json'), { onEvent: () => (isListening = true) });
  await assert.rejects(starting, (error) => isSkyliftError(error) && error.code === 'SKY_CONFIG_INVALID');
  assert.equal(isListening, false);
});
