import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { runLoad } from '../../src/bench/run-load.ts';
import { serve } from '../../src/index.ts';
import { countingLoop, halfPlusTwo } from '../support/onnx-models.ts';

const CLI = fileURLToPath(new URL('../../bin/skylift.cjs', import.meta.url));

test('SIGTERM under load: every request in flight is answered and the process ends with 0', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-drain-'));
  const model = join(folder, 'half_plus_two.onnx');
  await writeFile(model, halfPlusTwo());
  const env = { ...process.env, SKYLIFT_STORE: join(folder, 'store') };
  const args = [CLI, 'serve', `m=${model}`, '--rest_api_port=0', '--json'];
  const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'], env });
  try {
    const [line] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
    const { url } = JSON.parse(line) as { url: string };
    const load = runLoad({
      url: `${url}/v1/models/m:predict`,
      body: '{"instances":[1.0,2.0,5.0]}',
      verify: { body: '{"predictions":[2.5,3,4.5]}', tolerance: 1e-6 },
      connections: 32,
      durationMs: 3000,
    });
    await sleep(1500);
    server.kill('SIGTERM');
    const [code] = (await once(server, 'exit')) as [number];
    const { ends } = await load;
    assert.equal(code, 0);
    const { ok, refused, ...failed } = ends;
    assert.ok(ok > 100 && refused > 0, JSON.stringify(ends)); // after the drain nobody listens
    assert.deepEqual(failed, { status: 0, body: 0, deadline: 0, lost: 0, protocol: 0 });
  } finally {
    server.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  }
});

test('a request that outlasts the drain is told so, and the process still ends', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'skylift-drain-'));
  try {
    const model = join(folder, 'loop.onnx');
    await writeFile(model, countingLoop());
    const limits = { drain_ms: 300, run_limit_ms: 60_000 };
    const server = await serve({
      models: { m: model },
      http: { port: 0 },
      storeDir: join(folder, 'store'),
      limits,
    });
    const body = '{"inputs": [9000000000000000000]}';
    const waiting = fetch(`${server.url}/v1/models/m:predict`, { method: 'POST', body });
    await sleep(200);
    await server.drain();
    const reply = await waiting;
    assert.equal(reply.status, 503);
    assert.match(await reply.text(), /SKY_DRAINING/);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
