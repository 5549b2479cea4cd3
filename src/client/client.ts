/** A small typed client for TensorFlow Serving's REST API, ours or the original. */
import { SkyliftError } from '../core/errors.ts';
import { HttpEndpoint } from './http.ts';
import type { ModelMetadata } from './metadata.ts';
import { parseMetadata } from './metadata.ts';
import { joinStates } from './model-states.ts';
import type { ModelState } from './model-states.ts';
import type { RemoteVersionStatus } from './status.ts';
import { parseStatus } from './status.ts';
import { keyHeaders } from './key-headers.ts';

export interface ClientOptions {
  /** Time for one answer, milliseconds. @default 30000 */
  readonly timeoutMs?: number;
  /** Connections at most. @default 64 */
  readonly connections?: number;
  /** Sent with every request. @default none */
  readonly apiKey?: string | undefined;
  /** PEM of the CA that signs the certificate of an https:// server. @default those that Node trusts */
  readonly ca?: string | undefined;
}

/** Which version answers; the latest when absent. */
export interface Target {
  readonly version?: bigint | number;
  readonly label?: string;
}

/** One element per row. */
export interface RowRequest {
  readonly instances: readonly unknown[];
  readonly signature_name?: string;
}

/** Whole tensors: one value, or an object by input name. */
export interface ColumnRequest {
  readonly inputs: unknown;
  readonly signature_name?: string;
}

export interface RowReply {
  readonly predictions: readonly unknown[];
}

export interface ColumnReply {
  readonly outputs: unknown;
}

export interface CallOptions extends Target {
  readonly signal?: AbortSignal;
}

/** Throws SKY_REMOTE (the server's own words), SKY_UNREACHABLE, SKY_DEADLINE_EXCEEDED, SKY_CANCELLED. */
export interface Client {
  /** Rows in, rows out; columns in, columns out. */
  predict(model: string, request: RowRequest, options?: CallOptions): Promise<RowReply>;
  predict(model: string, request: ColumnRequest, options?: CallOptions): Promise<ColumnReply>;
  /** The same with the JSON texts of request and reply, so that integers beyond 2^53 keep their digits. */
  predictText(model: string, request: string, options?: CallOptions): Promise<string>;
  status(model: string, options?: CallOptions): Promise<readonly RemoteVersionStatus[]>;
  metadata(model: string, options?: CallOptions): Promise<ModelMetadata>;
  /** Names of the models of the server; Skylift only, the original has no such list. */
  models(options?: Pick<CallOptions, 'signal'>): Promise<readonly string[]>;
  /** The versions of the models with what they did; Skylift and Triton, the original has no such thing. */
  states(options?: Pick<CallOptions, 'signal'>): Promise<readonly ModelState[]>;
  /** Ends all connections. */
  close(): void;
  [Symbol.dispose](): void;
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_CONNECTIONS = 64;

/**
 * A client of the server at `url`, `unix:/run/skylift.sock` included; connects on first use. Throws SKY_CONFIG_INVALID for a URL that
 * is none of these, or a key that no header can carry.
 * @example const { predictions } = await createClient('http://127.0.0.1:8501').predict('digits', { instances: [image] });
 */
export function createClient(url: string, options: ClientOptions = {}): Client {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, connections = DEFAULT_CONNECTIONS, apiKey, ca } = options;
  const endpoint = new HttpEndpoint(url, { timeoutMs, connections, headers: keyHeaders(apiKey), ca });
  const get = (path: string, { signal }: CallOptions = {}): Promise<unknown> =>
    endpoint.exchange({ method: 'GET', path, signal });
  async function predict(model: string, request: RowRequest, options?: CallOptions): Promise<RowReply>;
  async function predict(model: string, request: ColumnRequest, options?: CallOptions): Promise<ColumnReply>;
  async function predict(
    model: string,
    request: RowRequest | ColumnRequest,
    options: CallOptions = {},
  ): Promise<RowReply | ColumnReply> {
    const path = `${modelPath(model, options)}:predict`;
    const body = JSON.stringify(request);
    const reply = await endpoint.exchange({ method: 'POST', path, body, signal: options.signal });
    return requirePrediction(reply);
  }
  return {
    predict,
    predictText(model, body, options = {}) {
      const path = `${modelPath(model, options)}:predict`;
      return endpoint.exchangeText({ method: 'POST', path, body, signal: options.signal });
    },
    status: async (model, options) => parseStatus(await get(modelPath(model, options), options)),
    metadata: async (model, options) =>
      parseMetadata(await get(`${modelPath(model, options)}/metadata`, options)),
    models: async (options) => parseModels(await get('/v1/models', options)),
    states: async ({ signal } = {}) => {
      const index = await endpoint.exchange({
        method: 'POST',
        path: '/v2/repository/index',
        body: '',
        signal,
      });
      return joinStates(index, await get('/v2/models/stats', { ...(signal && { signal }) }));
    },
    close: () => endpoint.close(),
    [Symbol.dispose]: () => endpoint.close(),
  };
}

/** Path of a model or one version of it: `/v1/models/NAME[/versions/N|/labels/L]`. */
export function modelPath(model: string, { version, label }: Target = {}): string {
  const base = `/v1/models/${encodeURIComponent(model)}`;
  if (version !== undefined) return `${base}/versions/${version}`;
  return label === undefined ? base : `${base}/labels/${encodeURIComponent(label)}`;
}

function requirePrediction(reply: unknown): RowReply | ColumnReply {
  if (typeof reply === 'object' && reply !== null) {
    if ('predictions' in reply && Array.isArray(reply.predictions)) return { predictions: reply.predictions };
    if ('outputs' in reply) return { outputs: reply.outputs };
  }
  throw new SkyliftError('SKY_REMOTE', 'the answer of the server has neither "predictions" nor "outputs"');
}

function parseModels(reply: unknown): readonly string[] {
  const list = typeof reply === 'object' && reply !== null && 'models' in reply ? reply.models : undefined;
  if (Array.isArray(list) && list.every((name) => typeof name === 'string')) return list;
  throw new SkyliftError('SKY_REMOTE', 'the answer of the server has no list "models" of names');
}
