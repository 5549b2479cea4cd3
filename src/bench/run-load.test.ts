import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { runLoad } from './run-load.ts';

test('the load comes from another process and its report comes back', async (t) => {
  const server = createServer((_request, response) => response.end('ok')).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const report = await runLoad({ url: `http://127.0.0.1:${port}/`, connections: 2, durationMs: 100 });
  assert.equal(report.failed, 0);
  assert.ok(report.requests > 2 && report.requestsPerSecond > 0);
});

test('an interrupted run ends at once', async (t) => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const controller = new AbortController();
  server.on('connection', () => controller.abort());
  await assert.rejects(runLoad({ url: `http://127.0.0.1:${port}/`, durationMs: 60_000 }, controller.signal), {
    code: 'SKY_INTERRUPTED',
  });
});

test('options that make no sense are refused before a process starts', async () => {
  const url = 'http://127.0.0.1:1/';
  for (const options of [
    { url },
    { url, durationMs: 1, requests: 1 },
    { url, requests: 0 },
    { url, requests: 1, connections: 1.5 },
    { url: 'ftp://127.0.0.1/', requests: 1 },
    { url: 'nonsense', requests: 1 },
    { url, requests: 1, headers: { a: 'b\r\nc: d' } },
  ])
    await assert.rejects(runLoad(options), { code: 'SKY_CONFIG_INVALID' });
});
