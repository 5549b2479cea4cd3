/** `serve`: models behind HTTP. Listens early, answers 503 until the models are there, drains at the end. */
import { systemClock } from '../core/clock.ts';
import type { TimerHandle } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { ModelEvent, ModelRuntime, VersionReport } from '../serve/runtime/model-runtime.ts';
import { ModelCatalog } from '../serve/runtime/sources/model-catalog.ts';
import type { ModelStatus } from '../serve/runtime/requests.ts';
import { oipRoutes } from '../serve/protocols/oip/routes.ts';
import { tfservingRoutes, tfservingUnmatched } from '../serve/protocols/tfserving/routes.ts';
import type { AccessLog } from '../serve/server/access-log.ts';
import { healthRoutes } from '../serve/server/health-routes.ts';
import { createHttpServer, HTTP_BACKENDS } from '../serve/server/http-server.ts';
import type { HttpBackendName, HttpServer } from '../serve/server/http-server.ts';
import { hostAndPort } from '../serve/server/wire/bind.ts';
import { createPrometheusMetrics, metricsRoutes } from '../serve/server/metrics.ts';
import type { PrometheusMetrics } from '../serve/server/metrics.ts';
import { readConfigs } from './model-configs.ts';
import type { ModelsOptions } from './model-configs.ts';
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

/** What happens to the server and its models. */
export type ServeEvent =
  | { readonly kind: 'listening'; readonly url: string }
  | {
      readonly kind: 'loading' | 'changing' | 'unloading' | 'unloaded';
      readonly model: string;
      readonly version: bigint;
    }
  | {
      readonly kind: 'loaded';
      readonly model: string;
      readonly version: bigint;
      readonly report: VersionReport;
      readonly durationMs: number;
    }
  /** Without `retryInMs` the version is tried again when its files change. */
  | {
      readonly kind: 'failed';
      readonly model: string;
      readonly version: bigint;
      readonly error: SkyliftError;
      readonly retryInMs: number | undefined;
    };

export interface ServeOptions extends Omit<WorkshopOptions, 'metrics'>, ModelsOptions {
  readonly http?: HttpOptions;
  /** @default no access log */
  readonly accessLog?: AccessLog;
  readonly onEvent?: (event: ServeEvent) => void;
}

/** The parts of a server that end together, in this order. */
interface Parts {
  readonly http: HttpServer;
  readonly config: { close(): void };
  readonly catalog: ModelCatalog;
  readonly runtime: ModelRuntime;
  readonly state: { isDraining: boolean };
}

/** A server whose models answer. Ends with `drain` (in order) or `close` (at once); `await using` drains. */
export class RunningServer {
  readonly url: string;
  readonly #parts: Parts;

  constructor(url: string, parts: Parts) {
    this.url = url;
    this.#parts = parts;
  }

  models(): readonly ModelStatus[] {
    return this.#parts.runtime.models();
  }

  /** Engines, batch curves and threads of the loaded versions. */
  report(): readonly VersionReport[] {
    return this.#parts.runtime.report();
  }

  /** Readiness turns false at once, requests in flight are answered up to `drain_ms`, then the engines end. */
  async drain(): Promise<void> {
    const { http, config, catalog, runtime, state } = this.#parts;
    state.isDraining = true;
    config.close();
    catalog.close();
    await http.drain();
    await runtime.close();
  }

  async close(): Promise<void> {
    await closeParts(this.#parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }
}

/**
 * Serves models over TensorFlow Serving's REST API and the Open Inference Protocol. Resolves when every model answers;
 * rejects with the first failure after ending what was started. New versions in folders of versions are taken up later.
 * Throws SKY_PORT_IN_USE, SKY_CONFIG_*, and what `openModel` throws.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const metrics = createPrometheusMetrics();
  const workshop = await openWorkshop({ ...options, metrics });
  const { runtime, limits } = workshop;
  const catalog = createCatalog(workshop, options);
  const { configs, watch } = await readConfigs(options, limits);
  // before the port opens: a wrong path ends the start, a slow load is answered with 503
  const listed = await catalog.list(configs, limits.model_wait_ms > 0);
  const state = { isDraining: false };
  const http = createServer(workshop, metrics, state, options);
  const parts = { http, config: watch(catalog), catalog, runtime, state };
  try {
    const { host = '127.0.0.1', port = 8501 } = options.http ?? {};
    const address = await parts.http.listen({ host, port });
    const url = `http://${hostAndPort(address)}`;
    options.onEvent?.({ kind: 'listening', url });
    if (options.onEvent) runtime.listen(tellingEvents(runtime, options.onEvent));
    catalog.serve(listed);
    await untilStarted(
      runtime,
      configs.map(({ name }) => name),
      limits.model_wait_ms,
    );
    return new RunningServer(url, parts);
  } catch (error) {
    await closeParts(parts);
    throw error;
  }
}

async function closeParts({ http, config, catalog, runtime }: Parts): Promise<void> {
  config.close();
  catalog.close();
  await http.close();
  await runtime.close();
}

function createCatalog({ runtime, createSource, limits }: Workshop, options: ServeOptions): ModelCatalog {
  return new ModelCatalog({
    runtime,
    createSource,
    clock: systemClock,
    limits,
    log: options.log ?? silentLog,
    allowsEarlyLabels: options.allowEarlyLabels ?? false,
  });
}

/** Rejects with the first model that cannot be served, or that has no version after `waitMs`. */
async function untilStarted(runtime: ModelRuntime, models: readonly string[], waitMs: number): Promise<void> {
  let timer: TimerHandle | undefined;
  const tooLate = new Promise<never>((_, reject) => {
    if (waitMs > 0)
      timer = systemClock.setTimer(systemClock.nowMs() + waitMs, () => reject(noVersions(runtime, models)));
  });
  try {
    await Promise.race([tooLate, Promise.all(models.map((model) => runtime.whenStarted(model)))]);
  } finally {
    if (timer) systemClock.clear(timer);
  }
}

function noVersions(runtime: ModelRuntime, models: readonly string[]): SkyliftError {
  const missing = models.filter((model) => runtime.progress(model).kind !== 'answers');
  return new SkyliftError(
    'SKY_MODEL_NO_VERSIONS',
    `still without a version that answers: ${missing.join(', ')}`,
  );
}

/** The events of the runtime with what users want to read beside them. */
function tellingEvents(
  runtime: ModelRuntime,
  tell: (event: ServeEvent) => void,
): (event: ModelEvent) => void {
  const startedAtMs = new Map<string, number>();
  return (event) => {
    const { kind, model, version } = event;
    const key = `${model}@${version}`;
    if (kind === 'loading') startedAtMs.set(key, systemClock.nowMs());
    if (kind === 'failed') return tell(event);
    if (kind !== 'loaded') return tell({ kind, model, version });
    const report = runtime.report().find((each) => each.model === model && each.version === version);
    const durationMs = systemClock.nowMs() - (startedAtMs.get(key) ?? 0);
    if (report) tell({ kind, model, version, report, durationMs });
  };
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
