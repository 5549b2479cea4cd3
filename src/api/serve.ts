/** `serve`: models behind HTTP. Listens early, answers 503 until the models are there, drains at the end. */
import { systemClock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import type { Signature } from '../package/manifest.ts';
import type { ModelRuntime, VersionReport } from '../serve/runtime/model-runtime.ts';
import { LATEST } from '../serve/runtime/requests.ts';
import type { ModelStatus } from '../serve/runtime/requests.ts';
import { tfservingUnmatched } from '../serve/protocols/tfserving/routes.ts';
import type { AccessLog } from '../serve/server/access-log.ts';
import { createKeyAuthorizer } from '../serve/server/auth/key-authorizer.ts';
import { KeyWatch } from '../serve/server/auth/key-watch.ts';
import { createHttpServer, HTTP_BACKENDS } from '../serve/server/http-server.ts';
import type { HttpBackendName, HttpServer } from '../serve/server/http-server.ts';
import { hostAndPort } from '../serve/server/wire/bind.ts';
import { createPrometheusMetrics } from '../serve/server/metrics.ts';
import type { PrometheusMetrics } from '../serve/server/metrics.ts';
import { routeTable } from '../serve/server/route-table.ts';
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

/** Who may ask: the owners of keys that `skylift keys` makes. */
export interface AuthOptions {
  readonly keysFile: string;
  /** @default the path of the key file with `.pepper` behind it */
  readonly pepperFile?: string;
}

export interface ServeOptions extends Omit<WorkshopOptions, 'metrics'> {
  /** Served name -> path of an .onnx file, a package, or a folder of numbered versions. */
  readonly models: Readonly<Record<string, string>>;
  readonly http?: HttpOptions;
  /** @default everybody who reaches the address may ask */
  readonly auth?: AuthOptions;
  /** @default no access log */
  readonly accessLog?: AccessLog;
  readonly onEvent?: (event: ServeEvent) => void;
}

/** What ends together. */
interface ServerParts {
  readonly http: HttpServer;
  readonly runtime: ModelRuntime;
  readonly keys: KeyWatch | undefined;
  readonly state: { isDraining: boolean };
}

/** A server whose models answer. Ends with `drain` (in order) or `close` (at once); `await using` drains. */
export class RunningServer {
  readonly url: string;
  readonly #parts: ServerParts;

  constructor(url: string, parts: ServerParts) {
    this.url = url;
    this.#parts = parts;
  }

  models(): readonly ModelStatus[] {
    return this.#parts.runtime.models();
  }

  /** Signatures of the newest version of a model, by name. Throws SKY_MODEL_NOT_FOUND, SKY_UNAVAILABLE. */
  signatures(model: string): Readonly<Record<string, Signature>> {
    return this.#parts.runtime.resolve(model, LATEST).manifest.signatures;
  }

  /** Engines, batch curves and threads of the loaded versions. */
  report(): readonly VersionReport[] {
    return this.#parts.runtime.report();
  }

  /** Readiness turns false at once, requests in flight are answered up to `drain_ms`, then the engines end. */
  async drain(): Promise<void> {
    const { http, runtime, keys, state } = this.#parts;
    state.isDraining = true;
    await http.drain();
    keys?.close();
    await runtime.close();
  }

  async close(): Promise<void> {
    await closeNow(this.#parts);
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
  const keys = await openKeys(workshop, options);
  const state = { isDraining: false };
  const parts = { runtime, keys, state, http: createServer(workshop, { metrics, keys, state }, options) };
  try {
    const found = await declareModels(workshop, options.models);
    const { host = '127.0.0.1', port = 8501 } = options.http ?? {};
    const address = await parts.http.listen({ host, port });
    const url = `http://${hostAndPort(address)}`;
    options.onEvent?.({ kind: 'listening', url });
    for (const [model, version] of found) await loadModel(runtime, model, version, options.onEvent);
    return new RunningServer(url, parts);
  } catch (error) {
    await closeNow(parts);
    throw error;
  }
}

async function closeNow({ http, runtime, keys }: ServerParts): Promise<void> {
  await http.close();
  keys?.close();
  await runtime.close();
}

async function openKeys(
  { limits }: Workshop,
  { auth, log = silentLog }: ServeOptions,
): Promise<KeyWatch | undefined> {
  return auth && KeyWatch.open({ paths: auth, limits, clock: systemClock, log });
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
  { metrics, keys, state }: Pick<ServerParts, 'keys' | 'state'> & { readonly metrics: PrometheusMetrics },
  { log = silentLog, accessLog, http }: ServeOptions,
): HttpServer {
  const clock = systemClock;
  const context = { runtime, clock, limits };
  const isReady = (): { ready: boolean; waitingFor: readonly string[] } => {
    const missing = runtime.notReady();
    const shown = keys && missing.length > 0 ? ['models'] : missing; // names are for those who have a key
    const waitingFor = state.isDraining ? ['draining'] : shown;
    return { ready: waitingFor.length === 0, waitingFor };
  };
  return createHttpServer({
    routes: routeTable(context, { isReady }, metrics),
    unmatched: [tfservingUnmatched],
    authorize: keys && createKeyAuthorizer({ keys: () => keys.ring, clock, metrics }),
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
