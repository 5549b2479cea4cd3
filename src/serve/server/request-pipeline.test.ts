/** Tests of what the pipeline does with a request whose client goes away at an awkward moment. */
import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { test } from 'node:test';
import zlib from 'node:zlib';
import { systemClock } from '../../core/clock.ts';
import { resolveLimits } from '../../core/limits.ts';
import { silentLog } from '../../core/log.ts';
import { noMetrics } from '../../core/metrics.ts';
import type { Route } from '../protocols/http-call.ts';
import { createHttpServer } from './http-server.ts';
import type { WireBackend, WireExchange, WireHandler, WireReceiver } from './wire/wire.ts';

const route: Route = {
  protocol: 'skylift',
  method: 'POST',
  pattern: '/packed',
  match: /^\/packed$/,
  permission: 'public',
  plane: 'data',
  maxBodyBytes: 1024 * 1024,
  summary: 'takes a body',
  handle: (call) => call.reply(200, 'text/plain', 'late'),
};

/** A server without sockets: the test plays the wire. */
async function startWithoutSockets(): Promise<WireHandler> {
  const listening = Promise.withResolvers<WireHandler>();
  const backend: WireBackend = {
    listen: (_, handler) => {
      listening.resolve(handler);
      return Promise.resolve({ host: '', port: 0 });
    },
    drain: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const options = { routes: [route], limits: resolveLimits(), clock: systemClock, log: silentLog };
  await createHttpServer({ ...options, metrics: noMetrics, backend }).listen({ host: '', port: 0 });
  return listening.promise;
}

/** Sends `body` and hands over the upper side of the exchange. */
function sendPacked(handler: WireHandler, body: Buffer): WireReceiver {
  let receiver: WireReceiver | undefined;
  const exchange: WireExchange = {
    isGrpc: false,
    method: 'POST',
    path: '/packed',
    query: '',
    headers: { get: (name) => (name === 'content-encoding' ? 'gzip' : undefined) },
    bodyBytes: body.length,
    attach: (attached) => (receiver = attached),
    readBody: () => receiver?.bodyArrived(body),
    send: () => assert.fail('nobody is there to be answered'),
  };
  handler.request(exchange);
  assert.ok(receiver);
  return receiver;
}

test('unpacking ends with its client: the budget has its bytes back, so that nothing may hold them', async (context) => {
  const created = context.mock.method(zlib, 'createGunzip');
  syncBuiltinESMExports();
  context.after(syncBuiltinESMExports);
  const handler = await startWithoutSockets();
  const receiver = sendPacked(handler, zlib.gzipSync(Buffer.alloc(60 * 1024)));
  const [unpacking] = created.mock.calls;
  assert.equal(unpacking?.result?.destroyed, false);
  receiver.gone();
  assert.equal(unpacking.result.destroyed, true);
});
