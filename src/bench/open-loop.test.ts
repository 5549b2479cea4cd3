import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { runOpenLoop } from './open-loop.ts';

async function listen(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test('as many requests are issued as are due, each at its time', async (t) => {
  const url = await listen(t, (_, response) => void response.end('{}'));
  const report = await runOpenLoop({ url, ratePerSecond: 200, durationMs: 500, keepRecords: true });
  assert.equal(report.requests, 100);
  assert.equal(report.failed, 0);
  const starts = report.records?.map(({ startMs }) => Math.round(startMs)).toSorted((a, b) => a - b);
  assert.deepEqual(
    starts,
    Array.from({ length: 100 }, (_, i) => i * 5),
  );
});

test('a server that stands still is felt by all requests that were due meanwhile', async (t) => {
  let isFirst = true;
  const url = await listen(t, (_, response) => {
    setTimeout(() => response.end('{}'), isFirst ? 300 : 0);
    isFirst = false;
  });
  const report = await runOpenLoop({
    url,
    ratePerSecond: 100,
    requests: 20,
    connections: 1,
    keepRecords: true,
  });
  assert.equal(report.requests, 20);
  assert.equal(report.connections, 1);
  const slow = report.records?.filter(({ latencyMs }) => latencyMs > 90).length ?? 0;
  assert.ok(slow >= 15, `${slow} of 20 waited`);
});

test('requests that get no connection in their time have failed', async (t) => {
  const url = await listen(t, () => {}); // never answers
  const report = await runOpenLoop({
    url,
    ratePerSecond: 100,
    requests: 10,
    connections: 2,
    deadlineMs: 100,
  });
  assert.equal(report.requests, 10);
  assert.equal(report.ends.deadline, 10);
});

test('the warm-up is not reported', async (t) => {
  const url = await listen(t, (_, response) => void response.end('{}'));
  const report = await runOpenLoop({ url, ratePerSecond: 100, warmupMs: 200, durationMs: 100 });
  assert.equal(report.requests, 10);
});
