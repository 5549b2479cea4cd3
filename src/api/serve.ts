/** `serve`: models behind HTTP. Listens early, answers 503 until the models are there, drains at the end. */
import { systemClock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { ModelRuntime, VersionReport } from '../serve/runtime/model-runtime.ts';
import type { ModelStatus } from '../serve/runtime/requests.ts';
import { oipRoutes } from '../serve/protocols/oip/routes.ts';
import { tfservingGrpcRoutes } from '../serve/protocols/tfserving/grpc/routes.ts';
import { tfservingRoutes, tfservingUnmatched } from '../serve/protocols/tfserving/routes.ts';
import type { AccessLog } from '../serve/server/access-log.ts';
import { healthRoutes } from '../serve/server/health-routes.ts';
import { createHttpServer, HTTP_BACKENDS } from '../serve/server/http-server.ts';
import type { HttpBackendName, HttpServer } from '../serve/server/http-server.ts';
import { hostAndPort } from '../serve/server/wire/bind.ts';
import { createPrometheusMetrics, metricsRoutes } from '../serve/server/metrics.ts';
import type { PrometheusMetrics } from '../serve/server/metrics.ts';
import { findVersion } from './find-version.ts';
import type { FoundVersion } from './find-version.ts';
import { openWorkshop } from './workshop.ts';
import type { Workshop, WorkshopOptions } from './workshop.ts';

export interface HttpOptions {
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** 0 takes a free one. @default 8501 */
  readonly port?: number;
  /** Answers browsers of other origins. @default false */
  readonly cors?: boolean;
  /** Who reads HTTP: the strict reader of Skylift, or node:http. @default fast */
  readonly backend?: HttpBackendName;
}

/** What happens on the way to readiness, in order. */
export type ServeEvent =
  | { readonly kind: 'listening'; readonly url: string }
  | { readonly kind: 'loading'; readonly model: string }
  | {
      readonly kind: 'loaded';
      readonly model: string;
      readonly report: VersionReport;
      readonly durationMs: number;
    };

export interface ServeOptions extends Omit<WorkshopOptions, 'metrics'> {
  /** Served name -> path of an .onnx file, a package, or a folder of numbered versions. */
  readonly models: Readonly<Record<string, string>>;
  readonly http?: HttpOptions;
  /** @default no access log */
  readonly accessLog?: AccessLog;
  readonly onEvent?: (event: ServeEvent) => void;
}

/** A server whose models answer. Ends with `drain` (in order) or `close` (at once); `await using` drains. */
export class RunningServer {
  readonly url: string;
  readonly #http: HttpServer;
  readonly #runtime: ModelRuntime;
  readonly #state: { isDraining: boolean };

  constructor(url: string, http: HttpServer, runtime: ModelRuntime, state: { isDraining: boolean }) {
    this.url = url;
    this.#http = http;
    this.#runtime = runtime;
    this.#state = state;
  }

  models(): readonly ModelStatus[] {
    return this.#runtime.models();
  }

  /** Engines, batch curves and threads of the loaded versions. */
  report(): readonly VersionReport[] {
    return this.#runtime.report();
  }

  /** Readiness turns false at once, requests in flight are answered up to `drain_ms`, then the engines end. */
  async drain(): Promise<void> {
    this.#state.isDraining = true;
    await this.#http.drain();
    await this.#runtime.close();
  }

  async close(): Promise<void> {
    await this.#http.close();
    await this.#runtime.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }
}

/**
 * Serves models over TensorFlow Serving's REST API. Resolves when every model answers; rejects with the first failure
 * after ending what was started. Throws SKY_PORT_IN_USE, SKY_CONFIG_*, and what `openModel` throws.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const metrics = createPrometheusMetrics();
  const workshop = await openWorkshop({ ...options, metrics });
  const { runtime } = workshop;
  const found = await declareModels(workshop, options.models);
  const state = { isDraining: false };
  const http = createServer(workshop, metrics, state, options);
  try {
    const { host = '127.0.0.1', port = 8501 } = options.http ?? {};
    const address = await http.listen({ host, port });
    const url = `http://${hostAndPort(address)}`;
    options.onEvent?.({ kind: 'listening', url });
    for (const [model, version] of found) await loadModel(runtime, model, version, options.onEvent);
    return new RunningServer(url, http, runtime, state);
  } catch (error) {
    await http.close();
    await runtime.close();
    throw error;
  }
}

/** Looks all models up before the port opens: a wrong path ends the start, a slow load is answered with 503. */
async function declareModels(
  { runtime, store, importer }: Workshop,
  models: ServeOptions['models'],
): Promise<ReadonlyMap<string, FoundVersion>> {
  const found = new Map<string, FoundVersion>();
  for (const [model, path] of Object.entries(models)) {
    if (model === '')
      throw new SkyliftError('SKY_CONFIG_INVALID', `the model ${path} has an empty name`, {
        hint: 'Give it a name; it is part of the URL.',
      });
    const version = await findVersion(path, store, importer);
    runtime.declare(model, version.version);
    found.set(model, version);
  }
  return found;
}

function createServer(
  { runtime, limits }: Workshop,
  metrics: PrometheusMetrics,
  state: { readonly isDraining: boolean },
  { log = silentLog, accessLog, http }: ServeOptions,
): HttpServer {
  const clock = systemClock;
  const context = { runtime, clock, limits };
  const isReady = (): { ready: boolean; waitingFor: readonly string[] } => {
    const waitingFor = state.isDraining ? ['draining'] : runtime.notReady();
    return { ready: waitingFor.length === 0, waitingFor };
  };
  return createHttpServer({
    routes: [
      ...tfservingRoutes(context),
      ...tfservingGrpcRoutes(context),
      ...oipRoutes(context),
      ...healthRoutes({ isReady }),
      ...metricsRoutes(metrics),
    ],
    unmatched: [tfservingUnmatched],
    limits,
    clock,
    log,
    metrics,
    accessLog,
    cors: http?.cors ?? false,
    backend: HTTP_BACKENDS[http?.backend ?? 'fast']({ limits, clock, log }),
  });
}

async function loadModel(
  runtime: ModelRuntime,
  model: string,
  found: FoundVersion,
  onEvent: ServeOptions['onEvent'],
): Promise<void> {
  const startedAtMs = systemClock.nowMs();
  onEvent?.({ kind: 'loading', model });
  await runtime.load(model, found.version, () => found.open());
  const report = runtime.report().find((each) => each.model === model);
  if (report) onEvent?.({ kind: 'loaded', model, report, durationMs: systemClock.nowMs() - startedAtMs });
}
