/** `serve`: models behind HTTP and gRPC. Listens early, answers 503 until the models are there, drains at the end. */
import { systemClock } from '../core/clock.ts';
import type { TimerHandle } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { Signature } from '../package/manifest.ts';
import type { ModelRuntime, VersionReport } from '../serve/runtime/model-runtime.ts';
import { LATEST } from '../serve/runtime/requests.ts';
import { ModelCatalog } from '../serve/runtime/sources/model-catalog.ts';
import type { ModelStatus } from '../serve/runtime/requests.ts';
import { tfservingUnmatched } from '../serve/protocols/tfserving/routes.ts';
import type { AccessLog } from '../serve/server/access-log.ts';
import { createKeyAuthorizer } from '../serve/server/auth/key-authorizer.ts';
import { createOpenAuthorizer } from '../serve/server/auth/open-authorizer.ts';
import { KeyWatch } from '../serve/server/auth/key-watch.ts';
import { createHttpServer } from '../serve/server/http-server.ts';
import type { HttpServer } from '../serve/server/http-server.ts';
import { createPrometheusMetrics } from '../serve/server/metrics.ts';
import type { PrometheusMetrics } from '../serve/server/metrics.ts';
import { routeTable } from '../serve/server/route-table.ts';
import { grpcTarget, httpUrl, isLocal, planListeners } from './listeners.ts';
import type { GrpcOptions, HttpOptions, Listener } from './listeners.ts';
import { readConfigs } from './model-configs.ts';
import type { GivenModels, ModelsOptions } from './model-configs.ts';
import { tellModelEvents } from './serve-events.ts';
import type { ServeEvent } from './serve-events.ts';
import { openTls } from './tls.ts';
import type { ServerTls, TlsServeOptions } from './tls.ts';
import { openTracing } from './tracing.ts';
import type { TracingOptions } from './tracing.ts';
import type { ExportedTrace } from '../serve/server/tracing/otlp-trace.ts';
import { openWorkshop } from './workshop.ts';
import type { Workshop, WorkshopOptions } from './workshop.ts';

/** Who may ask: the owners of keys that `skylift keys` makes. */
export interface AuthOptions {
  readonly keysFile: string;
  /** @default the path of the key file with `.pepper` behind it */
  readonly pepperFile?: string;
}

export interface ServeOptions extends Omit<WorkshopOptions, 'metrics'>, ModelsOptions, TlsServeOptions {
  /** false: no HTTP. @default port 8501 of this machine */
  readonly http?: HttpOptions | false;
  /** false: no gRPC. @default on the port of HTTP */
  readonly grpc?: GrpcOptions | false;
  /** @default everybody who reaches the address may ask */
  readonly auth?: AuthOptions;
  /** Without keys: whoever reaches the server may load and unload models. @default only callers of this machine */
  readonly allowRemoteAdmin?: boolean;
  /** Path of the metrics besides `/metrics`; false: no metrics. @default `/monitoring/prometheus/metrics` */
  readonly metricsAt?: string | false;
  /** Ready as soon as the server answers, whatever its models do. @default when all models answer */
  readonly readyWithoutModels?: boolean;
  /** @default no access log */
  readonly accessLog?: AccessLog;
  /** @default no traces */
  readonly tracing?: TracingOptions;
  readonly onEvent?: (event: ServeEvent) => void;
}

/** What ends together. */
interface Parts {
  readonly http: HttpServer;
  readonly config: { close(): void };
  readonly catalog: ModelCatalog;
  readonly keys: KeyWatch | undefined;
  readonly tls: ServerTls;
  readonly trace: ExportedTrace | undefined;
  readonly runtime: ModelRuntime;
  readonly state: { isDraining: boolean };
}

/** Where a server is reached. */
interface Places {
  readonly url: string;
  readonly grpc: readonly string[];
}

/** A server whose models answer. Ends with `drain` (in order) or `close` (at once); `await using` drains. */
export class RunningServer {
  /** Of HTTP: its port, else `unix:` and the path of its socket; '' without it. */
  readonly url: string;
  /** Where gRPC is spoken, as its clients name it: `127.0.0.1:8500`, `unix:/run/skylift.sock`. */
  readonly grpc: readonly string[];
  readonly #parts: Parts;

  constructor({ url, grpc }: Places, parts: Parts) {
    this.url = url;
    this.grpc = grpc;
    this.#parts = parts;
  }

  models(): readonly ModelStatus[] {
    return this.#parts.runtime.models();
  }

  /** The newest version of a model that answers. Throws SKY_MODEL_NOT_FOUND, SKY_UNAVAILABLE. */
  newest(model: string): {
    readonly version: bigint;
    readonly signatures: Readonly<Record<string, Signature>>;
  } {
    const { version, manifest } = this.#parts.runtime.resolve(model, LATEST);
    return { version, signatures: manifest.signatures };
  }

  /** Engines, batch curves and threads of the loaded versions. */
  report(): readonly VersionReport[] {
    return this.#parts.runtime.report();
  }

  /** Readiness turns false at once, requests in flight are answered up to `drain_ms`, then the engines end. */
  async drain(): Promise<void> {
    const { http, config, catalog, keys, tls, trace, runtime, state } = this.#parts;
    state.isDraining = true;
    config.close();
    catalog.close();
    await http.drain();
    keys?.close();
    tls.close();
    await Promise.all([runtime.close(), trace?.close()]);
  }

  async close(): Promise<void> {
    await closeNow(this.#parts);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }
}

/**
 * Serves models over TensorFlow Serving's REST and gRPC APIs and the Open Inference Protocol. Resolves when every model
 * answers; rejects with the first failure after ending what was started. New versions in folders of versions are taken up
 * later. Throws SKY_PORT_IN_USE, SKY_CONFIG_*, and what `openModel` throws.
 */
export async function serve(options: ServeOptions): Promise<RunningServer> {
  const metrics = createPrometheusMetrics();
  const workshop = await openWorkshop({ ...options, metrics });
  const { runtime, limits } = workshop;
  const given = await readConfigs(options, workshop);
  const { configs, others, isTolerant, watch } = given;
  const catalog = createCatalog(workshop, options, given.find);
  // before the port opens: a wrong path ends the start, a slow load is answered with 503
  const listed = await catalog.list(configs, isTolerant || limits.model_wait_ms > 0);
  const { log = silentLog } = options;
  const trace = openTracing(options.tracing, { limits, clock: systemClock, log, metrics });
  const { keys, tls, listeners } = await openDoors(workshop, options, metrics);
  const state = { isDraining: false };
  const http = createServer(workshop, { metrics, catalog, keys, state, listeners, trace }, options);
  const parts = { http, config: watch(catalog), catalog, keys, tls, trace, runtime, state };
  try {
    const places = await listenAt(http, listeners, options.onEvent);
    if (options.onEvent) tellModelEvents(runtime, systemClock, options.onEvent);
    catalog.serve(listed);
    catalog.know(others);
    const names = configs.map(({ name }) => name);
    if (isTolerant) await Promise.allSettled(names.map((name) => runtime.whenStarted(name)));
    else await untilStarted(runtime, names, limits.model_wait_ms);
    return new RunningServer(places, parts);
  } catch (error) {
    await closeNow(parts);
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
  for (const listener of listeners) {
    const { speaks, address, backend, isTls } = listener;
    const bound = await http.listen(address, backend, isTls);
    const here = speaks === 'grpc' ? '' : httpUrl(listener, bound);
    const target = speaks === 'http' ? '' : grpcTarget(address, bound);
    onEvent?.({ kind: 'listening', url: here, grpc: target });
    if (target !== '') grpc.push(target);
    url ||= here;
  }
  return { url, grpc };
}

async function closeNow({ http, config, catalog, keys, tls, trace, runtime }: Parts): Promise<void> {
  config.close();
  catalog.close();
  await http.close();
  keys?.close();
  tls.close();
  await Promise.all([runtime.close(), trace?.close()]);
}

interface Doors extends Pick<Parts, 'keys' | 'tls'> {
  readonly listeners: readonly Listener[];
}

/** Who gets in, and where. Nothing stays open when one of them is wrong. */
async function openDoors(
  workshop: Workshop,
  options: ServeOptions,
  metrics: PrometheusMetrics,
): Promise<Doors> {
  const { limits } = workshop;
  const keys = await openKeys(workshop, options);
  let tls: ServerTls | undefined;
  try {
    tls = await openTls(options, { limits, metrics });
    const wire = { limits, clock: systemClock, log: options.log ?? silentLog };
    return { keys, tls, listeners: planListeners(options, wire, tls) };
  } catch (error) {
    keys?.close();
    tls?.close();
    throw error;
  }
}

async function openKeys(
  { limits }: Workshop,
  { auth, log = silentLog }: ServeOptions,
): Promise<KeyWatch | undefined> {
  return auth && KeyWatch.open({ paths: auth, limits, clock: systemClock, log });
}

function createCatalog(
  { runtime, createSource, limits }: Workshop,
  options: ServeOptions,
  find: GivenModels['find'],
): ModelCatalog {
  const { repository } = options;
  const isStill = repository !== undefined && repository.control !== 'poll';
  return new ModelCatalog({
    runtime,
    createSource,
    find,
    clock: systemClock,
    limits: isStill ? { ...limits, version_poll_ms: 0 } : limits,
    log: options.log ?? silentLog,
    order: options.order ?? 'load-first',
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
    await Promise.race([tooLate, Promise.all(models.map((model) => runtime.whenStarted(model, waitMs > 0)))]);
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

interface ServerParts extends Pick<Parts, 'catalog' | 'keys' | 'state' | 'trace'> {
  readonly metrics: PrometheusMetrics;
  readonly listeners: readonly Listener[];
}

function createServer(
  { runtime, limits }: Workshop,
  { metrics, catalog, keys, state, listeners, trace }: ServerParts,
  options: ServeOptions,
): HttpServer {
  const { log = silentLog, accessLog, http, grpc, metricsAt, allowRemoteAdmin = false } = options;
  const clock = systemClock;
  const context = { runtime, control: catalog, clock, limits };
  const isReady = (): { ready: boolean; waitingFor: readonly string[] } => {
    const missing = options.readyWithoutModels === true ? [] : runtime.notReady();
    const shown = keys && missing.length > 0 ? ['models'] : missing; // names are for those who have a key
    const waitingFor = state.isDraining ? ['draining'] : shown;
    return { ready: waitingFor.length === 0, waitingFor };
  };
  return createHttpServer({
    routes: routeTable(context, {
      health: { isReady },
      metrics,
      metricsAt,
      tensorContent: grpc !== false && grpc?.tensorContent === true,
    }),
    unmatched: [tfservingUnmatched],
    authorize: keys
      ? createKeyAuthorizer({ keys: () => keys.ring, clock, metrics })
      : createOpenAuthorizer({ isAdminOpen: allowRemoteAdmin || listeners.every(isLocal) }),
    takesKeys: keys !== undefined,
    limits,
    clock,
    log,
    metrics,
    accessLog,
    trace,
    cors: http !== false && http?.cors === true,
    compressesReplies: http !== false && http?.compress === true,
  });
}
