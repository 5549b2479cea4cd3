/** Small requests for huge tensors: the caller gets an error, at most an engine dies, the model beside it is served on. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { serve } from '../../src/api/serve.ts';
import { isolationLayers } from '../../src/core/child-process.ts';
import { halfPlusTwo, onesOfSize } from '../support/onnx-models.ts';

const MiB = 1024 * 1024;
const FLOAT_BYTES = 4;
const HAS_MEMORY_LIMIT = isolationLayers().some(({ name, isActive }) => name === 'limits' && isActive);

test(
  'a memory bomb costs its caller an error and its model an engine',
  { skip: !HAS_MEMORY_LIMIT },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'skylift-bomb-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const models = { bomb: join(folder, 'bomb.onnx'), neighbour: join(folder, 'neighbour.onnx') };
    await writeFile(models.bomb, onesOfSize());
    await writeFile(models.neighbour, halfPlusTwo());
    const warnings: string[] = [];
    await using server = await serve({
      models,
      http: { port: 0 },
      storeDir: join(folder, 'store'),
      threads: { engines: 1, threads: 1, allowOversubscription: true },
      limits: { engine_memory_bytes: 1024 * MiB, max_reply_bytes: MiB / 16, warmup_budget_ms: 10 },
      log: (level, message) => void (level === 'warn' && warnings.push(message)),
    });
    const post = async (model: string, body: string): Promise<[number, string]> => {
      const reply = await fetch(`${server.url}/v1/models/${model}:predict`, { method: 'POST', body });
      return [reply.status, await reply.text()];
    };
    const cases: [size: number, status: number, error: RegExp][] = [
      // fits once, but not a second time on its way out
      [(250 * MiB) / FLOAT_BYTES, 503, /ended engine processes/],
      // fits, but its text would be too long
      [MiB / FLOAT_BYTES, 413, /more than 65536 bytes \(max_reply_bytes\)/],
      // no allocator gives so much
      [2 ** 36, 400, /Failed to allocate memory/],
    ];
    for (const [size, status, error] of cases) {
      const bomb = post('bomb', `{"inputs": [${size}]}`);
      assert.deepEqual(await post('neighbour', '{"inputs": [1]}'), [200, '{\n    "outputs": [2.5]\n}']);
      const [gotStatus, body] = await bomb;
      assert.equal(gotStatus, status, body);
      assert.match(body, error);
    }
    assert.deepEqual(warnings, ['engine ended', 'engine ended'], 'poison_kills = 2');
    assert.equal((await post('bomb', '{"inputs": [3]}'))[0], 200, 'a new engine is there');
  },
);
