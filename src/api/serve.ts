/** `serve`: models behind HTTP and gRPC. Listens early, answers 503 until the models are there, drains at the end. */
import { systemClock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { ModelRuntime, VersionReport } from '../serve/runtime/model-runtime.ts';
import type { ModelStatus } from '../serve/runtime/requests.ts';
import { oipGrpcRoutes } from '../serve/protocols/oip/grpc/routes.ts';
import { oipRoutes } from '../serve/protocols/oip/routes.ts';
import { tfservingGrpcRoutes } from '../serve/protocols/tfserving/grpc/routes.ts';
import { tfservingRoutes, tfservingUnmatched } from '../serve/protocols/tfserving/routes.ts';
import type { AccessLog } from '../serve/server/access-log.ts';
import { grpcHealthRoutes } from '../serve/server/grpc-health-routes.ts';
import { healthRoutes } from '../serve/server/health-routes.ts';
import { createHttpServer } from '../serve/server/http-server.ts';
import type { HttpServer } from '../serve/server/http-server.ts';
import { reflectionRoutes } from '../serve/server/reflection/routes.ts';
import { hostAndPort } from '../serve/server/wire/bind.ts';
import { createPrometheusMetrics, metricsRoutes } from '../serve/server/metrics.ts';
import type { PrometheusMetrics } from '../serve/server/metrics.ts';
import { findVersion } from './find-version.ts';
import type { FoundVersion } from './find-version.ts';
import { grpcTarget, planListeners } from './listeners.ts';
import type { GrpcOptions, HttpOptions, Listener } from './listeners.ts';
import { openWorkshop } from './workshop.ts';
import type { Workshop, WorkshopOptions } from './workshop.ts';

/** What happens on the way to readiness, in order. */
export type ServeEvent =
  /** `url` of HTTP, '' where only gRPC is spoken; `grpc` for its clients, '' where only HTTP is. */
  | { readonly kind: 'listening'; readonly url: string; readonly grpc: string }
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
  /** false: no HTTP. @default port 8501 of this machine */
  readonly http?: HttpOptions | false;
  /** false: no gRPC. @default on the port of HTTP */
  readonly grpc?: GrpcOptions | false;
  /** @default no access log */
  readonly accessLog?: AccessLog;
  readonly onEvent?: (event: ServeEvent) => void;
}

interface Places {
  readonly url: string;
  readonly grpc: readonly string[];
}

/** A server whose models answer. Ends with `drain` (in order) or `close` (at once); `await using` drains. */
export class RunningServer {
  /** Of HTTP; '' without it. */
  readonly url: string;
  /** Where gRPC is spoken, as its clients name it: `127.0.0.1:8500`, `unix:/run/skylift.sock`. */
  readonly grpc: readonly string[];
  readonly #http: HttpServer;
  readonly #runtime: ModelRuntime;
  readonly #state: { isDraining: boolean };

  constructor(
    { url, grpc }: Places,
    http: HttpServer,
    runtime: ModelRuntime,
    state: { isDraining: boolean },
  ) {
    this.url = url;
    this.grpc = grpc;
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
 * Serves models over TensorFlow Serving's REST and gRPC APIs and the Open Inference Protocol. Resolves when every model answers; rejects with the first failure
 * after ending what was started. Throws SKY_PORT_IN_USE, SKY_CONFIG_*, and what `openModel` throws.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const metrics = createPrometheusMetrics();
  const workshop = await openWorkshop({ ...options, metrics });
  const { runtime } = workshop;
  const found = await declareModels(workshop, options.models);
  const state = { isDraining: false };
  const { limits } = workshop;
  const listeners = planListeners(options, { limits, clock: systemClock, log: options.log ?? silentLog });
  const http = createServer(workshop, metrics, state, options);
  try {
    const places = await listenAt(http, listeners, options.onEvent);
    for (const [model, version] of found) await loadModel(runtime, model, version, options.onEvent);
    return new RunningServer(places, http, runtime, state);
  } catch (error) {
    await http.close();
    await runtime.close();
    throw error;
  }
}

async function listenAt(
  http: HttpServer,
  listeners: readonly Listener[],
  onEvent: ServeOptions['onEvent'],
): Promise<Places> {
  const grpc: string[] = [];
  let url = '';
  for (const { speaks, address, backend } of listeners) {
    const bound = await http.listen(address, backend);
    const here = speaks === 'grpc' ? '' : `http://${hostAndPort(bound)}`;
    const target = speaks === 'http' ? '' : grpcTarget(address, bound);
    onEvent?.({ kind: 'listening', url: here, grpc: target });
    if (target !== '') grpc.push(target);
    url ||= here;
  }
  return { url, grpc };
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
  { log = silentLog, accessLog, http, grpc }: ServeOptions,
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
      ...tfservingGrpcRoutes(context, { tensorContent: grpc !== false && grpc?.tensorContent === true }),
      ...oipRoutes(context),
      ...oipGrpcRoutes(context, () => isReady().ready),
      ...healthRoutes({ isReady }),
      ...grpcHealthRoutes({ isReady }, context),
      ...reflectionRoutes(limits),
      ...metricsRoutes(metrics),
    ],
    unmatched: [tfservingUnmatched],
    limits,
    clock,
    log,
    metrics,
    accessLog,
    cors: http !== false && http?.cors === true,
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
