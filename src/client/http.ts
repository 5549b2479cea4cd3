/** One JSON exchange over HTTP with a deadline and bounded replies; every failure is coded. */
import { Agent as HttpAgent, request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { isSkyliftError, SkyliftError } from '../core/errors.ts';
import { parseReply } from './parse-reply.ts';

export interface HttpOptions {
  /** Time for one whole exchange, milliseconds. */
  readonly timeoutMs: number;
  /** Connections kept open and used at most. */
  readonly connections: number;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Who signs the certificate of an https:// server, PEM. */
  readonly ca: string | undefined;
}

export interface HttpExchange {
  readonly method: 'GET' | 'POST';
  /** Path below the server's URL. */
  readonly path: string;
  readonly body?: string;
  readonly signal?: AbortSignal | undefined;
}

/** V8 has no longer strings. */
const MAX_REPLY_BYTES = 512 * 1024 * 1024;

/** A server at a base URL, with connections that are kept alive. */
export class HttpEndpoint {
  readonly url: string;
  readonly #options: HttpOptions;
  readonly #agent: HttpAgent;
  readonly #request: typeof requestHttp;
  /** What paths stand behind. */
  readonly #base: string;
  readonly #socketPath: string | undefined;

  /** Throws SKY_CONFIG_INVALID unless `url` is http:// or https://, or `unix:` and the path of a socket. */
  constructor(url: string, options: HttpOptions) {
    const protocol = URL.parse(url)?.protocol;
    const socketPath = /^unix:(.+)$/.exec(url)?.[1];
    if (protocol !== 'http:' && protocol !== 'https:' && socketPath === undefined)
      throw new SkyliftError('SKY_CONFIG_INVALID', `${JSON.stringify(url)} is no http:// or https:// URL`);
    const agentOptions = {
      keepAlive: true,
      maxSockets: options.connections,
      maxFreeSockets: options.connections,
      ...(options.ca !== undefined && { ca: options.ca }),
    };
    this.url = url.replace(/\/+$/, '');
    this.#socketPath = socketPath;
    this.#base = socketPath === undefined ? this.url : 'http://localhost';
    this.#options = options;
    this.#agent = protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions);
    this.#request = protocol === 'https:' ? requestHttps : requestHttp;
  }

  /** The parsed body of a 2xx reply. Throws SKY_REMOTE, SKY_UNREACHABLE, SKY_DEADLINE_EXCEEDED, SKY_CANCELLED. */
  async exchange(exchange: HttpExchange): Promise<unknown> {
    const { url, status, body } = await this.#reply(exchange);
    return parseReply(url, status, body);
  }

  /** The text of a 2xx reply. Throws as `exchange` does. */
  async exchangeText(exchange: HttpExchange): Promise<string> {
    const { url, status, body } = await this.#reply(exchange);
    parseReply(url, status, body); // throws the server's error
    return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
  }

  /** Ends all connections; exchanges under way fail. */
  close(): void {
    this.#agent.destroy();
  }

  async #reply(exchange: HttpExchange): Promise<{ url: string; status: number; body: Uint8Array }> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    const signal = exchange.signal ? AbortSignal.any([timeout, exchange.signal]) : timeout;
    try {
      const reply = await this.#send(exchange, signal);
      return { url: this.url + exchange.path, status: reply.statusCode ?? 0, body: await readAll(reply) };
    } catch (error) {
      if (isSkyliftError(error)) throw error;
      throw this.#explain(error, exchange, timeout);
    }
  }

  #send({ method, path, body }: HttpExchange, signal: AbortSignal): Promise<IncomingMessage> {
    const headers = {
      ...this.#options.headers,
      ...(body !== undefined && {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      }),
    };
    return new Promise((resolve, reject) => {
      const place = this.#socketPath === undefined ? {} : { socketPath: this.#socketPath };
      const options = { method, headers, signal, agent: this.#agent, ...place };
      const request = this.#request(this.#base + path, options);
      request.on('response', resolve);
      request.on('error', reject);
      request.end(body);
    });
  }

  #explain(error: unknown, exchange: HttpExchange, timeout: AbortSignal): SkyliftError {
    const what = `${exchange.method} ${this.url}${exchange.path}`;
    if (timeout.aborted)
      return new SkyliftError(
        'SKY_DEADLINE_EXCEEDED',
        `${what}: no whole answer within ${this.#options.timeoutMs} ms`,
        { cause: error },
      );
    if (exchange.signal?.aborted)
      return new SkyliftError('SKY_CANCELLED', `${what}: cancelled by the caller`, { cause: error });
    return new SkyliftError('SKY_UNREACHABLE', `${what}: ${reasonOf(error)}`, { cause: error });
  }
}

async function readAll(reply: IncomingMessage): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of reply as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_REPLY_BYTES)
      throw new SkyliftError('SKY_REMOTE', `the reply has more than ${MAX_REPLY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Several addresses of a host fail together, with an empty message of their own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
