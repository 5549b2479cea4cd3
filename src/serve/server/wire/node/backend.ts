/**
 * The wire back-end on node:http (llhttp, strict): limits and timeouts of the table, bodies of exact size, replies
 * written once per event-loop turn, no promise and no async function per request.
 */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { Server as NetServer } from 'node:net';
import type { Socket } from 'node:net';
import type { Clock } from '../../../../core/clock.ts';
import type { Limits } from '../../../../core/limits.ts';
import type { Log } from '../../../../core/log.ts';
import { Backlog } from '../backlog.ts';
import { bind } from '../bind.ts';
import type { ConnectionSetting } from '../connection-setting.ts';
import { drainConnections } from '../drain.ts';
import type { DrainedConnection } from '../drain.ts';
import { DropLog } from '../drop-log.ts';
import type { FoundProblem } from '../head-problem.ts';
import { Outbox } from '../outbox.ts';
import { NodeConnection } from './connection.ts';
import { NodeExchange } from './exchange.ts';
import { headProblem, problemOf } from './head.ts';
import { ALPN, SecureListener, tlsServerOptions } from '../tls.ts';
import type { WireTls } from '../tls.ts';
import type { BoundAddress, ListenAddress, WireBackend, WireHandler } from '../wire.ts';

const READ_BUFFER_BYTES = 256 * 1024;
const CHECKS_PER_TIMEOUT = 8; // how often node:http looks for late requests, per shortest timeout
const SLOWEST_CHECK_MS = 2_000;

export interface NodeHttpOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** @default plain */
  readonly tls?: WireTls | undefined;
}

/** A back-end on node:http. */
export function createNodeHttpBackend(options: NodeHttpOptions): WireBackend {
  return new NodeHttpBackend(options);
}

class NodeHttpBackend implements WireBackend {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #outbox: Outbox;
  readonly #dropLog: DropLog;
  readonly #tls: WireTls | undefined;
  readonly #connections = new Map<Socket, NodeConnection>();
  #secure: SecureListener | undefined;
  #server: Server | undefined;
  #drained: Promise<void> | undefined;
  #setting: ConnectionSetting | undefined;

  constructor(options: NodeHttpOptions) {
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#tls = options.tls;
    this.#outbox = new Outbox(options.clock);
    this.#dropLog = new DropLog(options.clock, options.log);
  }

  async listen(address: ListenAddress, handler: WireHandler): Promise<BoundAddress> {
    const setting: ConnectionSetting = {
      handler,
      outbox: this.#outbox,
      clock: this.#clock,
      log: this.#log,
      backlog: new Backlog(this.#limits.max_unsent_bytes, this.#log),
      lingerMs: this.#limits.linger_ms,
      isDraining: false,
    };
    const server = this.#createServer(setting);
    this.#setting = setting;
    this.#server = server;
    this.#drained = undefined;
    const bound = await bind(server, address);
    server.on('error', (error) =>
      this.#log('error', 'a connection could not be accepted', { reason: error.message }),
    );
    return bound;
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async #drain(): Promise<void> {
    const server = this.#server;
    if (server === undefined || this.#setting === undefined) return;
    this.#setting.isDraining = true;
    // http.Server.close would end silent connections at once, and with them requests that are just arriving.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
    const connections = (): Iterable<DrainedConnection> => this.#drainable();
    await drainConnections({ clock: this.#clock, limits: this.#limits, connections, closed });
    await this.close();
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of this.#drainable()) connection.destroy();
    await closed;
  }

  #createServer(setting: ConnectionSetting): Server {
    const server = this.#tls === undefined ? this.#createPlain(setting) : this.#createTls(this.#tls, setting);
    server.maxHeadersCount = this.#limits.max_headers + 1; // node drops what is over it; one more shows that there was
    server.timeout = this.#limits.idle_timeout_ms;
    server.on('request', (request, response) => this.#take(request, response, false));
    server.on('checkContinue', (request, response) => this.#take(request, response, true));
    server.on('checkExpectation', (request, response) => this.#take(request, response, false));
    server.on('connect', (_request, socket) =>
      this.#refuseTunnel(socket as Socket /* TCP or TLS: a Duplex of ours is a Socket */),
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket) =>
      this.#fail(error, socket as Socket /* TCP or TLS: a Duplex of ours is a Socket */),
    );
    server.on('timeout', (socket: Socket) => {
      if (this.#connections.get(socket)?.isWaitingForClient !== false) socket.destroy();
    });
    return server;
  }

  #createPlain(setting: ConnectionSetting): Server {
    const server = createServer(serverOptions(this.#limits));
    server.maxConnections = this.#limits.max_connections;
    server.on('drop', () => this.#dropLog.dropped(this.#limits.max_connections));
    server.on('connection', (socket: Socket) => this.#open(socket, setting));
    return server;
  }

  #createTls(tls: WireTls, setting: ConnectionSetting): Server {
    const options = tlsServerOptions(tls, this.#limits, ALPN.http);
    const server = createHttpsServer({ ...options, ...serverOptions(this.#limits) });
    this.#secure = new SecureListener(server, {
      tls,
      limits: this.#limits,
      log: this.#log,
      dropLog: this.#dropLog,
    });
    server.on('secureConnection', (socket) => this.#open(socket, setting));
    return server;
  }

  #drainable(): DrainedConnection[] {
    return [...this.#connections.values(), ...(this.#secure === undefined ? [] : [this.#secure])];
  }

  #open(socket: Socket, setting: ConnectionSetting): void {
    const connection = new NodeConnection(socket, setting);
    this.#connections.set(socket, connection);
    socket.on('close', () => {
      this.#connections.delete(socket);
      connection.end();
    });
  }

  #take(request: IncomingMessage, response: ServerResponse, isWaitingForContinue: boolean): void {
    const connection = this.#connections.get(request.socket);
    if (connection === undefined || connection.isRefusing) {
      request.resume(); // sent after the end was announced: dropped
      return;
    }
    const exchange = new NodeExchange(connection, request, response, isWaitingForContinue);
    connection.add(exchange);
    const problem = headProblem(request, this.#limits.max_headers);
    if (problem === undefined) this.#setting?.handler.request(exchange);
    else this.#refuse(exchange, connection, problem);
  }

  #refuse(exchange: NodeExchange, connection: NodeConnection, found: FoundProblem): void {
    const reply = this.#setting?.handler.problem(found.problem, found.detail);
    if (reply === undefined) return;
    connection.closeAfterReply();
    exchange.send(reply.status, ['content-type', reply.contentType], reply.body);
  }

  /** CONNECT: node:http has let go of the socket, its error listener included. */
  #refuseTunnel(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.resume();
    this.#connections.get(socket)?.fail('malformed', 'CONNECT is for proxies');
  }

  #fail(error: NodeJS.ErrnoException, socket: Socket): void {
    const code = error.code ?? '';
    const isClientGone = !code.startsWith('HPE_') && code !== 'ERR_HTTP_REQUEST_TIMEOUT';
    const connection = this.#connections.get(socket);
    if (connection?.isRefusing === true && !isClientGone) return; // more of the same bytes, which are dropped
    if (connection === undefined || isClientGone || code === 'HPE_INVALID_EOF_STATE' || !socket.writable)
      socket.destroy();
    else connection.fail(problemOf(code), code);
  }
}

function serverOptions(limits: Limits): Parameters<typeof createServer>[0] & object {
  const headersTimeout = Math.min(limits.header_timeout_ms, limits.body_timeout_ms);
  return {
    maxHeaderSize: limits.max_header_bytes,
    headersTimeout,
    requestTimeout: limits.body_timeout_ms,
    keepAliveTimeout: limits.idle_timeout_ms,
    connectionsCheckingInterval: Math.ceil(Math.min(headersTimeout / CHECKS_PER_TIMEOUT, SLOWEST_CHECK_MS)),
    insecureHTTPParser: false,
    requireHostHeader: false, // checked below: node's own answer has no body that clients can show
    noDelay: true,
    highWaterMark: READ_BUFFER_BYTES,
  };
}
