/**
 * The wire back-end on node:net with a strict HTTP/1.1 reader of our own: reads into shared memory or straight into the
 * body, remembers the head of a connection, writes the replies of one event-loop turn at once. Connections that begin
 * with the preface of HTTP/2 are gRPC's.
 */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Clock, TimerHandle } from '../../../../core/clock.ts';
import type { Limits } from '../../../../core/limits.ts';
import type { Log } from '../../../../core/log.ts';
import { Backlog } from '../backlog.ts';
import { bind } from '../bind.ts';
import { drainConnections } from '../drain.ts';
import type { DrainedConnection } from '../drain.ts';
import { DropLog } from '../drop-log.ts';
import { GrpcConnection } from '../grpc/connection.ts';
import type { GrpcSetting } from '../grpc/connection.ts';
import { Outbox } from '../outbox.ts';
import { ALPN, SecureListener, tlsServerOptions } from '../tls.ts';
import type { WireTls } from '../tls.ts';
import type { BoundAddress, ListenAddress, WireBackend, WireHandler } from '../wire.ts';
import { FastConnection } from './connection.ts';
import type { FastSetting } from './connection.ts';
import { readPieces, SocketReads } from './read-socket.ts';
import { ReplyHeads } from './reply-head.ts';

const CHECKS_PER_TIMEOUT = 8; // how often late requests are looked for, per shortest timeout
const SLOWEST_CHECK_MS = 250;
/** Of one look at all connections. */
const CHECK_SLICE_MS = 1;

export interface FastHttpOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  /** Which protocols the listener takes; with both the first bytes of a connection tell. @default both */
  readonly speaks?: 'http' | 'grpc' | 'both';
  /** @default plain */
  readonly tls?: WireTls | undefined;
}

/** A back-end on node:net. */
export function createFastHttpBackend(options: FastHttpOptions): WireBackend {
  return new FastHttpBackend(options);
}

class FastHttpBackend implements WireBackend {
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #dropLog: DropLog;
  readonly #speaks: 'http' | 'grpc' | 'both';
  readonly #tls: WireTls | undefined;
  readonly #connections = new Set<FastConnection | GrpcConnection>();
  #secure: SecureListener | undefined;
  #setting: FastSetting | undefined;
  #server: Server | undefined;
  #closed: Promise<void> | undefined;
  #drained: Promise<void> | undefined;
  #checkTimer: TimerHandle | undefined;
  #whenEmpty: (() => void) | undefined;

  constructor({ limits, clock, log, speaks = 'both', tls }: FastHttpOptions) {
    this.#speaks = speaks;
    this.#tls = tls;
    this.#limits = limits;
    this.#clock = clock;
    this.#log = log;
    this.#dropLog = new DropLog(clock, log);
  }

  async listen(address: ListenAddress, handler: WireHandler): Promise<BoundAddress> {
    const setting = this.#createSetting(handler);
    const server = this.#tls === undefined ? this.#createPlain(setting) : this.#createTls(this.#tls, setting);
    this.#setting = setting;
    this.#drained = undefined;
    this.#closed = undefined;
    this.#server = server;
    const bound = await bind(server, address);
    server.on('error', (error) =>
      this.#log('error', 'a connection could not be accepted', { reason: error.message }),
    );
    this.#checkLater();
    return bound;
  }

  drain(): Promise<void> {
    this.#drained ??= this.#drain();
    return this.#drained;
  }

  async close(): Promise<void> {
    const closed = this.#stopListening();
    for (const connection of this.#drainable()) connection.destroy();
    await closed;
  }

  async #drain(): Promise<void> {
    if (this.#setting === undefined) return;
    this.#setting.isDraining = true;
    for (const connection of this.#connections)
      if (connection instanceof GrpcConnection) connection.announceDrain();
    await drainConnections({
      clock: this.#clock,
      limits: this.#limits,
      connections: () => this.#drainable(),
      closed: this.#stopListening(),
    });
  }

  /** Resolves when the listener and all connections are closed. */
  #stopListening(): Promise<void> {
    this.#closed ??= this.#untilClosed();
    return this.#closed;
  }

  async #untilClosed(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    await new Promise<void>((resolve) => server.close(() => resolve()));
    if (this.#connections.size > 0) await new Promise<void>((resolve) => (this.#whenEmpty = resolve));
    if (this.#checkTimer !== undefined) this.#clock.clear(this.#checkTimer);
  }

  #createPlain(setting: FastSetting): Server {
    const pauseOnConnect = this.#speaks !== 'grpc'; // node:http2 goes on with what reads already
    const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect });
    server.on('connection', (socket) => this.#accept(socket, setting));
    return server;
  }

  #createTls(tls: WireTls, setting: FastSetting): Server {
    const options = tlsServerOptions(tls, this.#limits, ALPN[this.#speaks]);
    const server = createTlsServer({ ...options, noDelay: true });
    this.#secure = new SecureListener(server, {
      tls,
      limits: this.#limits,
      log: this.#log,
      dropLog: this.#dropLog,
    });
    server.on('secureConnection', (socket) => {
      if (this.#speaks === 'grpc' || socket.alpnProtocol === 'h2') setting.takeHttp2?.(socket);
      else {
        socket.allowHalfOpen = true; // not before: half a handshake is none
        this.#add(new FastConnection(socket, setting));
      }
    });
    return server;
  }

  #drainable(): DrainedConnection[] {
    return [...this.#connections, ...(this.#secure === undefined ? [] : [this.#secure])];
  }

  #accept(socket: Socket, setting: FastSetting): void {
    if (this.#connections.size >= this.#limits.max_connections) {
      socket.destroy();
      this.#dropLog.dropped(this.#limits.max_connections);
      return;
    }
    if (this.#speaks === 'grpc') setting.takeHttp2?.(socket);
    else this.#add(new FastConnection(socket, setting));
  }

  #add(connection: FastConnection | GrpcConnection): void {
    this.#connections.add(connection);
    connection.onClose(() => this.#remove(connection));
  }

  #takeHttp2(socket: Socket, setting: GrpcSetting, from: FastConnection | undefined): void {
    this.#add(new GrpcConnection(socket, setting));
    if (from !== undefined) this.#remove(from);
  }

  #remove(connection: FastConnection | GrpcConnection): void {
    this.#connections.delete(connection);
    if (this.#connections.size === 0) this.#whenEmpty?.();
  }

  #checkLater(): void {
    const shortestMs = Math.min(this.#limits.header_timeout_ms, this.#limits.body_timeout_ms);
    const everyMs = Math.min(shortestMs / CHECKS_PER_TIMEOUT, SLOWEST_CHECK_MS);
    this.#checkTimer = this.#clock.setTimer(this.#clock.nowMs() + everyMs, () =>
      this.#check(this.#connections.values()),
    );
  }

  /** In slices: thousands of slow clients that are cut off at a time must not hold up those who behave. */
  #check(left: SetIterator<FastConnection | GrpcConnection>): void {
    const sliceEndsAtMs = this.#clock.nowMs() + CHECK_SLICE_MS;
    for (let next = left.next(); next.done !== true; next = left.next()) {
      const nowMs = this.#clock.nowMs();
      next.value.check(nowMs);
      if (nowMs < sliceEndsAtMs) continue;
      this.#checkTimer = this.#clock.setTimer(nowMs, () => this.#check(left));
      return;
    }
    this.#checkLater();
  }

  #createSetting(handler: WireHandler): FastSetting {
    const limits = this.#limits;
    const shared: GrpcSetting = {
      handler,
      limits,
      clock: this.#clock,
      log: this.#log,
      backlog: new Backlog(limits.max_unsent_bytes, this.#log),
    };
    return {
      ...shared,
      outbox: new Outbox(this.#clock),
      takeHttp2:
        this.#speaks === 'http' ? undefined : (socket, from) => this.#takeHttp2(socket, shared, from),
      lingerMs: limits.linger_ms,
      isDraining: false,
      replyHeads: new ReplyHeads(this.#clock, limits.idle_timeout_ms),
      startReading: this.#tls === undefined ? new SocketReads().start : readPieces,
      maxHeaderBytes: limits.max_header_bytes,
      maxHeaders: limits.max_headers,
      maxPipelined: limits.max_pipelined,
      headerTimeoutMs: Math.min(limits.header_timeout_ms, limits.body_timeout_ms),
      bodyTimeoutMs: limits.body_timeout_ms,
      idleTimeoutMs: limits.idle_timeout_ms,
    };
  }
}
