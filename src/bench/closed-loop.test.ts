import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { runClosedLoop } from './closed-loop.ts';
import type { LoadReport } from './load-types.ts';

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

async function listen(t: TestContext, listener: Listener): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => void listener(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { server, url: `http://127.0.0.1:${port}/v1/models/m:predict` };
}

function sumOfEnds(report: LoadReport): number {
  return Object.values(report.ends).reduce((sum, count) => sum + count, 0);
}

test('issues exactly the requests that were asked for and reports good ones', async (t) => {
  const bodies: string[] = [];
  const { url } = await listen(t, async (request, response) => {
    bodies.push(await text(request));
    response.end('{"predictions":[1]}');
  });
  const report = await runClosedLoop({
    url,
    body: '{"instances":[1]}',
    connections: 3,
    requests: 50,
    verify: { body: '{"predictions":[1]}' },
    keepRecords: true,
  });
  assert.equal(report.requests, 50);
  assert.equal(report.failed, 0);
  assert.deepEqual([bodies.length, new Set(bodies).size], [50, 1]);
  assert.deepEqual(report.statuses, { 200: 50 });
  assert.equal(report.records?.length, 50);
  assert.ok(report.latencyMs.p50 > 0 && report.latencyMs.max >= report.latencyMs.p99);
});

test('a wrong status and a wrong body are failures of their own kind', async (t) => {
  let count = 0;
  const { url } = await listen(t, (_request, response) => {
    count++;
    response.statusCode = count === 1 ? 503 : 200;
    response.end(count === 2 ? '[2.0]' : '[1.0001]');
  });
  const report = await runClosedLoop({
    url,
    connections: 1,
    requests: 3,
    verify: { body: '[1.0]', tolerance: 0.01 },
  });
  assert.deepEqual([report.ends.status, report.ends.body, report.ends.ok], [1, 1, 1]);
  assert.deepEqual(Object.keys(report.errors), ['HTTP 503: [1.0001]', 'unexpected body: [2.0]']);
});

test('a request without an answer ends at its deadline', async (t) => {
  const { url } = await listen(t, () => {});
  const report = await runClosedLoop({ url, connections: 2, requests: 2, deadlineMs: 60 });
  assert.deepEqual([report.requests, report.ends.deadline], [2, 2]);
});

test('a broken connection is a lost request, and the load goes on with a new one', async (t) => {
  let count = 0;
  const { url } = await listen(t, (request, response) => {
    if (++count % 2 === 0) request.socket.destroy();
    else response.end('ok');
  });
  const report = await runClosedLoop({ url, connections: 1, requests: 6 });
  assert.deepEqual([report.ends.ok, report.ends.lost, sumOfEnds(report)], [3, 3, 6]);
});

test('a dead port refuses every request', async (t) => {
  const { server, url } = await listen(t, () => {});
  server.close();
  await once(server, 'close');
  const report = await runClosedLoop({ url, connections: 1, requests: 2 });
  assert.deepEqual([report.requests, report.ends.refused], [2, 2]);
  assert.deepEqual(report.errors, { ECONNREFUSED: 2 });
});

test('what is no HTTP is told apart', async (t) => {
  const { url } = await listen(t, (request) => void request.socket.end('SSH-2.0-OpenSSH\r\n\r\n'));
  const report = await runClosedLoop({ url, connections: 1, requests: 1 });
  assert.equal(report.ends.protocol, 1);
});

test('a connection that the server closes after each answer costs no request', async (t) => {
  const { url } = await listen(t, (_request, response) => {
    response.setHeader('connection', 'close');
    response.end('ok');
  });
  const report = await runClosedLoop({ url, connections: 2, requests: 10 });
  assert.deepEqual([report.requests, report.failed], [10, 0]);
});

test('requests of the warm-up are not counted', async (t) => {
  let served = 0;
  const { url } = await listen(t, (_request, response) => {
    served++;
    response.end('ok');
  });
  const report = await runClosedLoop({ url, connections: 2, requests: 5, warmupMs: 50 });
  assert.equal(report.requests, 5);
  assert.ok(served > 5);
});
