/** A runtime and HTTP calls for tests of the REST adapters: models are functions, runs happen when the test says so. */
import { SkyliftError, toSkyliftError } from '../../src/core/errors.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import type { Limits } from '../../src/core/limits.ts';
import type { Clock } from '../../src/core/clock.ts';
import type { PackageManifest, Signature } from '../../src/package/manifest.ts';
import { VersionStatistics } from '../../src/serve/runtime/version-statistics.ts';
import { prepareRequest } from '../../src/serve/runtime/prepare-request.ts';
import { createServable, versionNotFound } from '../../src/serve/runtime/servable.ts';
import { ANONYMOUS } from '../../src/serve/runtime/requests.ts';
import type {
  ModelStatus,
  RunHandle,
  RunRequest,
  RunSink,
  Runtime,
  ServableVersion,
  VersionSelector,
  VersionStatus,
  ModelControl,
  ModelStatistics,
} from '../../src/serve/runtime/requests.ts';
import { oipRoutes } from '../../src/serve/protocols/oip/routes.ts';
import { tfservingRoutes, tfservingUnmatched } from '../../src/serve/protocols/tfserving/routes.ts';
import type { HttpCall } from '../../src/serve/protocols/http-call.ts';
import type { Tensor, TensorSpec } from '../../src/tensor/tensor.ts';

export type Run = (inputs: ReadonlyMap<string, Tensor>) => ReadonlyMap<string, Tensor>;

export interface FakeModel {
  readonly signatures: Readonly<Record<string, Signature>>;
  readonly run: Run;
  readonly versions: readonly VersionStatus[];
  readonly labels?: Readonly<Record<string, bigint>>;
}

/** A predict signature. */
export function predictSignature(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): Signature {
  return { program: 'main', method: 'predict', inputs, outputs };
}

export const AVAILABLE_123: readonly VersionStatus[] = [
  { version: 123n, state: 'AVAILABLE', error: undefined },
];

export class FakeRuntime implements Runtime {
  readonly submitted: RunRequest[] = [];
  cancelled = 0;
  readonly #models: ReadonlyMap<string, FakeModel>;
  readonly #pending: (() => void)[] = [];

  constructor(models: Readonly<Record<string, FakeModel>>) {
    this.#models = new Map(Object.entries(models));
  }

  statistics(): ModelStatistics[] {
    return this.models().flatMap(({ name, versions }) =>
      versions
        .filter(({ state }) => state === 'AVAILABLE')
        .map(({ version }) => ({
          model: name,
          version,
          statistics: new VersionStatistics(),
          memoryBytes: 0,
        })),
    );
  }

  submit(request: RunRequest, sink: RunSink): RunHandle {
    this.submitted.push(request);
    const job = (): void => this.#run(request, sink);
    this.#pending.push(job);
    return {
      cancel: () => {
        this.cancelled++;
        const index = this.#pending.indexOf(job);
        if (index >= 0) this.#pending.splice(index, 1);
      },
      resume() {},
    };
  }

  resolve(model: string, selector: VersionSelector): ServableVersion {
    const found = this.#models.get(model);
    const version = found && versionOf(found, selector);
    const status = found?.versions.find((candidate) => candidate.version === version);
    if (!found || version === undefined || !status) throw versionNotFound(model, selector);
    if (status.state !== 'AVAILABLE') throw new SkyliftError('SKY_UNAVAILABLE', `model ${model} is loading`);
    return createServable(model, version, manifestOf(found));
  }

  admit(): void {}

  models(): readonly ModelStatus[] {
    return Array.from(this.#models, ([name, { versions }]) => ({ name, versions }));
  }

  /** Runs what was submitted. */
  flush(): void {
    for (const job of this.#pending.splice(0)) job();
  }

  #run(request: RunRequest, sink: RunSink): void {
    try {
      const servable = this.resolve(request.model, request.version);
      const statistics = new VersionStatistics();
      const job = prepareRequest(request, { servable, queue: request.model, statistics });
      const outputs = this.#models.get(request.model)?.run(request.inputs) ?? new Map();
      const timing = { queuedUs: 0, ranUs: 1, batchRows: job.rows };
      sink.done({ version: servable.version, signature: job.signatureName, outputs, timing });
    } catch (error) {
      sink.fail(toSkyliftError(error));
    }
  }
}

/** A call that remembers its answer. */
export class FakeCall implements HttpCall {
  readonly isGrpc: boolean = false;
  readonly id = 'request-1';
  readonly isLocal = true;
  readonly query = '';
  readonly principal = ANONYMOUS;
  readonly arrivedAtMs = 1000;
  readonly headers: HttpCall['headers'];
  readonly notes: [string, string][] = [];
  params: Record<string, string> = {};
  protocol: HttpCall['protocol'];
  status = 0;
  contentType = '';
  replyBytes = Buffer.alloc(0);
  replyHeaders: Readonly<Record<string, string>> = {};
  gone: () => void = () => {};
  readonly method: string;
  readonly path: string;
  readonly body: Uint8Array;

  constructor(
    method: string,
    path: string,
    body: Uint8Array | string = '',
    headers: Record<string, string> = {},
  ) {
    this.method = method;
    this.path = path;
    this.body = typeof body === 'string' ? Buffer.from(body) : body;
    this.headers = { get: (name) => headers[name] };
  }

  reply(
    status: number,
    contentType: string,
    body: Uint8Array | string,
    headers: Readonly<Record<string, string>> = {},
  ): void {
    if (this.status !== 0) throw new Error('answered twice');
    this.status = status;
    this.contentType = contentType;
    this.replyBytes = Buffer.from(body);
    this.replyHeaders = headers;
  }

  get replyBody(): string {
    return this.replyBytes.toString();
  }

  push(): void {
    throw new Error('no streams here');
  }

  reserve(): boolean {
    return true;
  }

  allocate(sizeBytes: number): Buffer {
    return Buffer.allocUnsafeSlow(sizeBytes);
  }

  onGone(fn: () => void): void {
    this.gone = fn;
  }

  ran(): void {}

  note(field: string, value: string): void {
    this.notes.push([field, value]);
  }
}

/** Of servers whose models nobody manages. */
export const NO_CONTROL: ModelControl = {
  load: async () => {},
  unload: async () => {},
  reload: async () => {},
};

export interface ServerOptions {
  readonly nowMs?: number;
  readonly limits?: Partial<Limits>;
}

/** Routes over a fake runtime, with the router's part: first match, named groups percent-decoded. */
export function fakeServer(
  runtime: FakeRuntime,
  options: ServerOptions = {},
): { send(call: FakeCall): FakeCall } {
  const limits = resolveLimits(options.limits);
  const context = { runtime, control: NO_CONTROL, clock: fixedClock(options.nowMs ?? 1000), limits };
  const routes = [...tfservingRoutes(context), ...oipRoutes(context)];
  return {
    send(call) {
      const matching = routes.filter(
        (route) =>
          (route.transport === 'grpc') === call.isGrpc &&
          route.method === call.method &&
          route.match.test(call.path),
      );
      const [route, second] = matching;
      if (second) throw new Error(`${call.path} matches ${route?.pattern} and ${second.pattern}`);
      if (route) {
        const groups = Object.entries(route.match.exec(call.path)?.groups ?? {});
        const given = groups.filter((group): group is [string, string] => group[1] !== undefined);
        call.protocol = route?.protocol;
        call.params = Object.fromEntries(given.map(([name, value]) => [name, decodeURIComponent(value)]));
        route.handle(call);
      } else tfservingUnmatched(call);
      return call;
    },
  };
}

function fixedClock(nowMs: number): Clock {
  const noTimers = (): never => {
    throw new Error('no timers here');
  };
  return {
    nowMs: () => nowMs,
    wallMs: () => nowMs,
    setTimer: noTimers,
    clear: noTimers,
    endOfTurn: noTimers,
  };
}

function versionOf({ versions, labels }: FakeModel, selector: VersionSelector): bigint | undefined {
  switch (selector.kind) {
    case 'latest':
      return versions.at(-1)?.version;
    case 'version':
      return selector.version;
    case 'label':
      return labels?.[selector.label];
  }
}

function manifestOf({ signatures }: FakeModel): PackageManifest {
  return {
    schema: 1,
    engine: 'onnx',
    files: [],
    programs: { main: { steps: [], batchAxis: 0 } },
    signatures,
    labels: {},
    lineage: [],
  };
}
