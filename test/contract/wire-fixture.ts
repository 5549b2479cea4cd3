/** The server that the wire contract talks to: routes that echo, hold, fail and misbehave, over the back-end under test. */
import { createHash } from 'node:crypto';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import type { Clock } from '../../src/core/clock.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import type { Limits } from '../../src/core/limits.ts';
import type { Log } from '../../src/core/log.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import type { HttpCall, Route } from '../../src/serve/protocols/http-call.ts';
import type { AccessEntry } from '../../src/serve/server/access-log.ts';
import { createHttpServer } from '../../src/serve/server/http-server.ts';
import type { HttpServer, HttpServerOptions } from '../../src/serve/server/http-server.ts';
import type { BoundAddress, WireBackend } from '../../src/serve/server/wire/wire.ts';
import { RawClient } from './wire-client.ts';

export type MakeBackend = ((options: { limits: Limits; clock: Clock; log: Log }) => WireBackend) & {
  /** It speaks TLS, and its certificate is signed by this. */
  readonly ca?: string;
  /** Who ends their side at once with the request get no reply; clients of TLS do not do that. */
  readonly endsWithClient?: boolean;
};

/** Bodies of `/echo` may have so many bytes. */
export const ECHO_LIMIT_BYTES = 1000;
/** Bodies of `/large` may have so many bytes. */
export const LARGE_LIMIT_BYTES = 1024 * 1024;
/** Bodies of `/huge` may have so many bytes: more than get their memory at once. */
export const HUGE_LIMIT_BYTES = 16 * 1024 * 1024;

export interface Fixture {
  readonly server: HttpServer;
  readonly address: BoundAddress;
  readonly logged: readonly string[];
  readonly access: readonly AccessEntry[];
  client(): Promise<RawClient>;
  /** The next call that `/hold` did not answer. */
  held(): Promise<HttpCall>;
  /** Resolves when a held call's client is gone. */
  readonly gone: Promise<void>;
}

/** Starts a server that ends with the test. */
export async function startFixture(
  context: TestContext,
  makeBackend: MakeBackend,
  overrides: Partial<Limits> = {},
  options: Partial<HttpServerOptions> = {},
): Promise<Fixture> {
  // back-ends must hold with values that no user may set, too: they make the tests short
  const limits = { ...resolveLimits(), max_body_bytes: ECHO_LIMIT_BYTES, ...overrides };
  const logged: string[] = [];
  const access: AccessEntry[] = [];
  const log: Log = (level, message) => logged.push(`${level} ${message}`);
  const queue = holdQueue();
  const gone = Promise.withResolvers<void>();
  const hold = (call: HttpCall): void => {
    call.onGone(() => gone.resolve());
    queue.put(call);
  };
  const server = createHttpServer({
    routes: fixtureRoutes(hold),
    limits,
    clock: systemClock,
    log,
    metrics: noMetrics,
    accessLog: (entry) => access.push(entry),
    backend: makeBackend({ limits, clock: systemClock, log }),
    ...options,
  });
  const address = await server.listen({ host: '127.0.0.1', port: 0 });
  context.after(() => server.close());
  const client = async (): Promise<RawClient> => {
    const opened = await RawClient.open(address, makeBackend.ca);
    context.after(() => opened.close());
    return opened;
  };
  return { server, address, logged, access, client, held: () => queue.take(), gone: gone.promise };
}

function holdQueue(): { put(call: HttpCall): void; take(): Promise<HttpCall> } {
  const calls: HttpCall[] = [];
  const takers: ((call: HttpCall) => void)[] = [];
  return {
    put(call) {
      const taker = takers.shift();
      if (taker) taker(call);
      else calls.push(call);
    },
    take() {
      const call = calls.shift();
      return call ? Promise.resolve(call) : new Promise((resolve) => takers.push(resolve));
    },
  };
}

function fixtureRoutes(hold: (call: HttpCall) => void): readonly Route[] {
  const text = 'text/plain';
  return [
    route('GET', '/ping', 0, (call) => call.reply(200, text, 'pong')),
    route('POST', '/echo', ECHO_LIMIT_BYTES, (call) =>
      call.reply(200, 'application/octet-stream', call.body),
    ),
    route('POST', '/large', LARGE_LIMIT_BYTES, (call) => call.reply(200, text, String(call.body.length))),
    route('POST', '/huge', HUGE_LIMIT_BYTES, (call) =>
      call.reply(200, text, `${call.body.length} ${createHash('sha256').update(call.body).digest('hex')}`),
    ),
    route('POST', '/hold', ECHO_LIMIT_BYTES, hold),
    route('GET', '/item/{name}', 0, (call) => call.reply(200, text, JSON.stringify(call.params['name']))),
    route('GET', '/query', 0, (call) => call.reply(200, text, `${call.path} ${call.query}`)),
    route('GET', '/throw', 0, () => {
      throw new Error('secret of the handler');
    }),
    route('GET', '/twice', 0, (call) => {
      call.reply(200, text, 'first');
      call.reply(200, text, 'second');
    }),
    route('GET', '/own-cors', 0, (call) =>
      call.reply(200, text, 'x', { 'access-control-allow-origin': 'https://example.org' }),
    ),
    route('GET', '/bad-header', 0, (call) => call.reply(200, text, 'x', { 'x-bad': 'a\r\nb' })),
  ];
}

function route(
  method: Route['method'],
  pattern: string,
  maxBodyBytes: number,
  handle: Route['handle'],
): Route {
  return {
    protocol: 'skylift',
    method,
    pattern,
    match: new RegExp(`^${pattern.replace(/\{(\w+)\}/, '(?<$1>[^/]+)')}$`),
    permission: 'public',
    plane: 'data',
    maxBodyBytes,
    summary: pattern,
    handle,
  };
}
