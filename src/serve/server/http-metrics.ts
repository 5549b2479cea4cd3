/** The server's own instruments. Labels come from the route table, so that no client can make new ones. */
import type { Metrics } from '../../core/metrics.ts';
import type { Route } from '../protocols/http-call.ts';

const BUCKETS_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const KNOWN_METHODS = new Set(['GET', 'POST', 'OPTIONS', 'HEAD', 'PUT', 'DELETE', 'PATCH']);

/** Label of everything that is in no route. */
export const UNMATCHED_ROUTE = '(unmatched)';

/** Counts the requests of one route. */
export interface RouteMetrics {
  observe(method: string, status: number, durationMs: number): void;
}

export interface HttpMetrics {
  route(route: Route | undefined): RouteMetrics;
  inflight(requests: number, bytes: number): void;
}

/** Binds the instruments of all routes at once. */
export function createHttpMetrics(metrics: Metrics, routes: readonly Route[]): HttpMetrics {
  const byRoute = new Map(routes.map((route) => [route, bindRoute(metrics, route.pattern)]));
  const unmatched = bindRoute(metrics, UNMATCHED_ROUTE);
  const requests = metrics.gauge({
    name: 'skylift_http_inflight_requests',
    help: 'Requests without an answer yet.',
  });
  const bytes = metrics.gauge({
    name: 'skylift_http_inflight_bytes',
    help: 'Bytes of request bodies held in memory.',
  });
  return {
    route: (route) => (route && byRoute.get(route)) ?? unmatched,
    inflight(requestCount, sizeBytes) {
      requests.set(requestCount);
      bytes.set(sizeBytes);
    },
  };
}

function bindRoute(metrics: Metrics, label: string): RouteMetrics {
  const duration = metrics.histogram(
    {
      name: 'skylift_http_request_duration_seconds',
      help: 'Time from the head of a request to its answer.',
      labels: ['route'],
      buckets: BUCKETS_SECONDS,
    },
    { route: label },
  );
  const counters = new Map<string, Map<number, { add(value: number): void }>>();
  const counter = (method: string, status: number): { add(value: number): void } => {
    const byStatus = counters.get(method) ?? new Map<number, { add(value: number): void }>();
    counters.set(method, byStatus);
    const bound =
      byStatus.get(status) ?? metrics.counter(REQUESTS, { route: label, method, status: String(status) });
    byStatus.set(status, bound);
    return bound;
  };
  return {
    observe(method, status, durationMs) {
      counter(KNOWN_METHODS.has(method) ? method : 'other', status).add(1);
      duration.observe(durationMs / 1000);
    },
  };
}

const REQUESTS = {
  name: 'skylift_http_requests_total',
  help: 'Requests answered; status 499: the client went away first.',
  labels: ['route', 'method', 'status'],
} as const;
