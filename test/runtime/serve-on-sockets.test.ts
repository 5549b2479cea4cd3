/** `serve` on a UNIX socket of HTTP, as programs use it. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { serve } from '../../src/api/serve.ts';
import type { RunningServer, ServeOptions } from '../../src/api/serve.ts';
import { createClient } from '../../src/client/client.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';

const LISTEN_AND_DIE = `require('node:net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
const ROWS = { instances: [1, 2, 5] };
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skylift-sockets-'));
  await writeFile(join(folder, 'half.onnx'), halfPlusTwo());
});
after(() => rm(folder, { recursive: true, force: true }));

async function start(t: TestContext, options: Partial<ServeOptions>): Promise<RunningServer> {
  const server = await serve({
    models: { half: join(folder, 'half.onnx') },
    storeDir: join(folder, 'store'),
    limits: { warmup_budget_ms: 1, drain_idle_ms: 0 },
    ...options,
  });
  t.after(() => server.close());
  return server;
}

async function predictions(url: string): Promise<readonly unknown[]> {
  using client = createClient(url);
  return (await client.predict('half', ROWS)).predictions;
}

/** The status of a request to unload the model. */
async function unload(place: { readonly socketPath: string } | { readonly port: string }): Promise<unknown> {
  const sent = request({ ...place, method: 'POST', path: '/v2/repository/models/half/unload' }).end();
  const [reply] = (await once(sent, 'response')) as [IncomingMessage];
  return reply.resume().statusCode;
}

describe('a UNIX socket of HTTP', { skip: process.platform === 'win32' }, () => {
  for (const backend of ['fast', 'node'] as const)
    test(`${backend}: alone, in the place of one whose server was killed, gone after the drain`, async (t) => {
      const socketPath = join(folder, `alone-${backend}`);
      assert.throws(() => execFileSync(process.execPath, ['-e', LISTEN_AND_DIE, socketPath]));
      const server = await start(t, { http: { socketPath, backend } });
      assert.equal(server.url, `unix:${socketPath}`);
      assert.deepEqual(await predictions(server.url), [2.5, 3, 4.5]);
      assert.equal(statSync(socketPath).mode & 0o777, 0o660);
      await server.drain();
      assert.ok(!existsSync(socketPath));
    });

  test('gRPC is spoken there, too, unless it has places of its own', async (t) => {
    const socketPath = join(folder, 'both');
    const server = await start(t, { http: { socketPath } });
    assert.deepEqual(server.grpc, [`unix:${socketPath}`]);
    const client = new GrpcClient(t, `unix:${socketPath}`);
    await client.call('tensorflow.serving.ModelService/GetModelStatus', { model_spec: { name: 'half' } });
  });

  test('beside a port: the URL is that of the port', async (t) => {
    const socketPath = join(folder, 'beside');
    const server = await start(t, { http: { port: 0, socketPath } });
    assert.match(server.url, /^http:\/\/127\.0\.0\.1:/);
    assert.deepEqual(await predictions(server.url), await predictions(`unix:${socketPath}`));
  });

  test('its callers are of this machine, those of an open port beside it are not', async (t) => {
    const socketPath = join(folder, 'admin');
    const server = await start(t, { http: { host: '0.0.0.0', port: 0, socketPath } });
    assert.equal(await unload({ port: new URL(server.url).port }), 403);
    assert.equal(await unload({ socketPath }), 200);
  });
});
