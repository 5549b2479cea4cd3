/** Tests of the composition: the whole route table answers, and nothing else does. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '../../core/clock.ts';
import { resolveLimits } from '../../core/limits.ts';
import { silentLog } from '../../core/log.ts';
import { healthRoutes } from './health-routes.ts';
import { createHttpServer } from './http-server.ts';
import type { HttpServer } from './http-server.ts';
import { createPrometheusMetrics, metricsRoutes } from './metrics.ts';
import type { BoundAddress } from './wire/wire.ts';

const metrics = createPrometheusMetrics();
let readiness: { ready: boolean; waitingFor: string[] } = { ready: true, waitingFor: [] };
const routes = [...healthRoutes({ isReady: () => readiness }), ...metricsRoutes(metrics)];

describe('http server', () => {
  let server: HttpServer;
  let address: BoundAddress;

  before(async () => {
    server = createHttpServer({
      routes,
      limits: resolveLimits(),
      clock: systemClock,
      log: silentLog,
      metrics,
    });
    address = await server.listen({ host: '127.0.0.1', port: 0 });
  });
  after(() => server.close());

  const get = (path: string, method = 'GET'): Promise<Response> =>
    fetch(`http://${address.host}:${address.port}${path}`, { method });

  for (const route of routes)
    test(`${route.method} ${route.pattern} is in the table and answers`, async () => {
      assert.equal((await get(route.pattern)).status, 200);
    });

  for (const route of routes)
    test(`${route.pattern} answers to no method that is not in the table`, async () => {
      for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])
        assert.equal((await get(route.pattern, method)).status, 405, method);
    });

  for (const path of [
    '/',
    '/metrics/',
    '/healthzz',
    '/HEALTHZ',
    '//healthz',
    '/healthz%20',
    '/__proto__',
    '/v1/models',
  ])
    test(`${path} is in no route: 404`, async () => {
      assert.equal((await get(path)).status, 404);
    });

  test('not ready: 503, retry-after and what it waits for, while liveness stays', async () => {
    readiness = { ready: false, waitingFor: ['half', 'resnet'] };
    for (const path of ['/readyz', '/v2/health/ready']) {
      const reply = await get(path);
      assert.deepEqual([reply.status, reply.headers.get('retry-after')], [503, '1']);
      assert.deepEqual(await reply.json(), { live: true, ready: false, waitingFor: ['half', 'resnet'] });
    }
    assert.equal((await get('/livez')).status, 200);
    readiness = { ready: true, waitingFor: [] };
  });

  test('counts by the pattern of the route, never by the path', async () => {
    await get('/no-such-path-1');
    await get('/no-such-path-2');
    const text = await (await get('/metrics')).text();
    assert.match(text, /skylift_http_requests_total\{route="\/livez",method="GET",status="200"\} \d+/);
    assert.match(text, /skylift_http_requests_total\{route="\(unmatched\)",method="GET",status="404"\} \d+/);
    assert.match(text, /skylift_http_request_duration_seconds_count\{route="\/livez"\} \d+/);
    assert.match(text, /^skylift_http_inflight_requests 1$/m, 'this very request');
    assert.match(text, /^skylift_http_inflight_bytes 0$/m);
    assert.doesNotMatch(text, /no-such-path/);
  });

  test('bytes that are no request are counted without a label of their own', async () => {
    const socket = connect(address.port, address.host);
    socket.end('FUNNY-METHOD-7 / HTTP/1.1\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
    const text = await metrics.render();
    assert.match(text, /route="\(unmatched\)",method="other",status="400"\} 1/);
    assert.doesNotMatch(text, /FUNNY/);
  });
});

test('a server that was told to compresses long replies for clients that ask for it', async (context) => {
  const server = createHttpServer({
    routes,
    limits: resolveLimits(),
    clock: systemClock,
    log: silentLog,
    metrics,
    compressesReplies: true,
  });
  const { host, port } = await server.listen({ host: '127.0.0.1', port: 0 });
  context.after(() => server.close());
  const ask = async (path: string, accepted: string): Promise<{ headers: Headers; text: string }> => {
    const headers = { 'accept-encoding': accepted };
    const response = await fetch(`http://${host}:${port}${path}`, { headers });
    return { headers: response.headers, text: await response.text() };
  };
  for (const coding of ['gzip', 'deflate']) {
    const { headers, text } = await ask('/metrics', coding);
    assert.equal(headers.get('content-encoding'), coding);
    assert.equal(headers.get('vary'), 'accept-encoding');
    assert.match(text, /^# HELP /);
    assert.ok(Number(headers.get('content-length')) < text.length / 2);
  }
  for (const [path, accepted] of [
    ['/metrics', 'identity'],
    ['/livez', 'gzip'],
  ] as const) {
    const { headers } = await ask(path, accepted);
    assert.equal(headers.get('content-encoding'), null);
    assert.equal(headers.get('vary'), 'accept-encoding');
  }
  const together = await Promise.all(Array.from({ length: 30 }, () => ask('/metrics', 'gzip')));
  assert.ok(together.every(({ text }) => text.startsWith('# HELP ')));
  assert.equal(server.inflight(), 0);
});
