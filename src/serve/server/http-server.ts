/** Composition of the HTTP server: one route table, one pipeline, a wire back-end below. */
import { BufferPool } from '../../core/buffer-pool.ts';
import type { Clock } from '../../core/clock.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Trace } from '../../core/trace.ts';
import type { Route } from '../protocols/http-call.ts';
import type { AccessLog } from './access-log.ts';
import { createOpenAuthorizer } from './auth/open-authorizer.ts';
import { ByteBudget } from './byte-budget.ts';
import { createHttpMetrics } from './http-metrics.ts';
import { createRequestIds } from './request-id.ts';
import { RequestPipeline } from './request-pipeline.ts';
import type { Authorize, UnmatchedHook } from './request-pipeline.ts';
import { createRouter } from './router.ts';
import { createFastHttpBackend } from './wire/fast/backend.ts';
import type { BoundAddress, HeaderList, ListenAddress, WireBackend } from './wire/wire.ts';

export interface HttpServerOptions {
  readonly routes: readonly Route[];
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** @default no access log */
  readonly accessLog?: AccessLog | undefined;
  /** @default no traces */
  readonly trace?: Trace | undefined;
  /** Of `listen`. @default fast, which speaks HTTP/1.1 and gRPC */
  readonly backend?: WireBackend;
  /** Asked before the body is read. @default everything but administration is allowed */
  readonly authorize?: Authorize;
  /** Browsers may send API keys. @default false */
  readonly takesKeys?: boolean;
  /** Offered what no route answers, in order; then 405 or 404. @default none */
  readonly unmatched?: readonly UnmatchedHook[];
  /** Replies are compressed for clients that ask for it. @default false */
  readonly compressesReplies?: boolean;
  /** CORS headers on every reply. @default false */
  readonly cors?: boolean;
}

export interface HttpServer {
  /**
   * Throws SKY_PORT_IN_USE, SKY_CONFIG_INVALID. `port` 0 takes a free one. May be called again with another back-end.
   * @param backend default: the one of the options
   * @param isTls what the back-end speaks. @default false
   */
  listen(address: ListenAddress, backend?: WireBackend, isTls?: boolean): Promise<BoundAddress>;
  /** Answers what is in flight, up to `drain_ms`, then ends. */
  drain(): Promise<void>;
  /** Ends at once. */
  close(): Promise<void>;
  /** Requests without an answer. */
  inflight(): number;
}

/** As TensorFlow Serving sends them with `--rest_api_enable_cors_support` (model_servers/http_server.cc). */
const CORS_HEADERS = [
  'access-control-allow-origin',
  '*',
  'access-control-allow-methods',
  'POST, GET',
  'access-control-allow-headers',
] as const;
const CORS_REQUEST_HEADERS = 'Content-Type';
/** Where a browser puts an API key. */
const CORS_KEY_HEADERS = 'Authorization, X-Api-Key, Api-Key';

/** Makes a server; nothing listens before `listen`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { routes, limits, clock, log } = options;
  const pipeline = new RequestPipeline({
    router: createRouter(routes.filter(({ transport }) => transport !== 'grpc')),
    grpcRouter: createRouter(routes.filter(({ transport }) => transport === 'grpc')),
    authorize: options.authorize ?? createOpenAuthorizer({ isAdminOpen: false }),
    unmatched: options.unmatched ?? [],
    limits,
    clock,
    log,
    metrics: createHttpMetrics(options.metrics, routes),
    budget: new ByteBudget(limits.max_inflight_bytes),
    pool: new BufferPool(limits.max_pooled_bytes),
    accessLog: options.accessLog,
    trace: options.trace,
    commonHeaders: options.cors === true ? corsHeaders(options.takesKeys === true) : [],
    compressesReplies: options.compressesReplies === true,
    newId: createRequestIds(),
  });
  const backends = new Set<WireBackend>();
  const ofAll = async (end: (backend: WireBackend) => Promise<void>): Promise<void> => {
    await Promise.all(Array.from(backends, end));
  };
  return {
    listen(
      address,
      backend = options.backend ?? createFastHttpBackend({ limits, clock, log }),
      isTls = false,
    ) {
      backends.add(backend);
      const isLocal = 'socketPath' in address;
      return backend.listen(address, pipeline.at({ isLocal, scheme: isTls ? 'https' : 'http' }));
    },
    drain: () => ofAll((backend) => backend.drain()),
    close: () => ofAll((backend) => backend.close()),
    inflight: () => pipeline.inflight,
  };
}

function corsHeaders(withKeys: boolean): HeaderList {
  return [...CORS_HEADERS, withKeys ? `${CORS_REQUEST_HEADERS}, ${CORS_KEY_HEADERS}` : CORS_REQUEST_HEADERS];
}
