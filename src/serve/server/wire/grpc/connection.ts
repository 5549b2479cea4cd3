/** One gRPC connection: an HTTP/2 session of node:http2 with every bound set, and the calls that are open on it. */
import { performServerHandshake } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import type { Clock } from '../../../../core/clock.ts';
import type { Limits } from '../../../../core/limits.ts';
import type { Log } from '../../../../core/log.ts';
import type { Backlog } from '../backlog.ts';
import type { DrainedConnection } from '../drain.ts';
import type { WireHandler } from '../wire.ts';
import { GrpcExchange, isOver } from './exchange.ts';
import type { GrpcHost, OpenCall } from './exchange.ts';
import { headRefusal } from './head.ts';
import { GrpcStreamCall } from './stream-call.ts';

const MiB = 1024 * 1024;

/** What the gRPC connections of one listener share. */
export interface GrpcSetting {
  readonly handler: WireHandler;
  readonly clock: Clock;
  readonly log: Log;
  readonly backlog: Backlog;
  readonly limits: Limits;
}

/** Room that a client has before it must wait. What comes is moved to a body at once, and bodies are budgeted. */
const STREAM_WINDOW_BYTES = 8 * MiB;
const CONNECTION_WINDOW_BYTES = 64 * MiB;
const FRAME_BYTES = MiB;
/** `:method`, `:scheme`, `:authority`, `:path` are counted as headers. */
const PSEUDO_HEADERS = 4;

/** Floods that end a connection: all defaults of Node 24, but said. */
const FLOOD_LIMITS = {
  maxSettings: 32, // entries of one SETTINGS frame
  maxOutstandingPings: 10,
  maxSessionInvalidFrames: 1000,
  maxSessionRejectedStreams: 100,
  streamResetBurst: 1000, // rapid reset (CVE-2023-44487)
  streamResetRate: 33, // per second
} as const;

/** GOAWAY that forbids nothing yet: calls that are on their way are still taken (RFC 9113 section 6.8). */
const LAST_STREAM_ID = 2 ** 31 - 1;
const NO_ERROR = 0;

export class GrpcConnection implements DrainedConnection, GrpcHost {
  readonly #session: ServerHttp2Session;
  readonly #setting: GrpcSetting;
  readonly #open = new Set<OpenCall>();
  #unsentBytes = 0;
  #isOver = false;

  /** @param socket nothing of it is read but what was unshifted */
  constructor(socket: Socket, setting: GrpcSetting) {
    this.#setting = setting;
    socket.allowHalfOpen = false; // a client that ends its side is gone
    const session = performServerHandshake(socket, sessionOptions(setting.limits));
    this.#session = session;
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('error', () => {}); // 'close' follows
    session.on('stream', (stream, headers) => this.#take(stream, headers));
    session.setTimeout(setting.limits.idle_timeout_ms);
    session.on('timeout', () => {
      if (this.#open.size === 0) session.close();
      else if (this.#areAllAnswered) session.destroy(); // the client does not read
    });
  }

  /** Calls `fn` when the connection is closed. */
  onClose(fn: () => void): void {
    this.#session.once('close', () => {
      this.countUnsent(-this.#unsentBytes);
      this.#isOver = true;
      fn();
    });
  }

  remove(call: OpenCall): void {
    this.#open.delete(call);
  }

  nowMs(): number {
    return this.#setting.clock.nowMs();
  }

  endOfTurn(fn: () => void): void {
    this.#setting.clock.endOfTurn(fn);
  }

  /** So many bytes of replies wait more, or less. The client is cut off when the server holds too much. */
  countUnsent(bytes: number): void {
    if (this.#isOver || bytes === 0) return;
    const before = this.#unsentBytes;
    this.#unsentBytes += bytes;
    if (this.#setting.backlog.change(before, this.#unsentBytes)) this.destroy();
  }

  reportBadReply(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#setting.log('error', 'a reply had headers that HTTP does not allow', { reason });
  }

  /** Looks for calls that are late; called now and then. */
  check(nowMs: number): void {
    for (const call of this.#open) call.check(nowMs, this.#setting.limits.body_timeout_ms);
  }

  /** The drain begins: the client is asked to open no more calls here. */
  announceDrain(): void {
    if (!this.#session.destroyed) this.#session.goaway(NO_ERROR, LAST_STREAM_ID);
  }

  /** Takes no further call, and ends after those that are open. */
  closeIfIdle(): void {
    for (const call of this.#open) call.endIfIdle();
    if (!this.#session.closed) this.#session.close();
  }

  expire(): void {
    for (const call of this.#open) call.expire();
    this.closeIfIdle();
  }

  destroy(): void {
    this.#session.destroy();
  }

  get #areAllAnswered(): boolean {
    for (const call of this.#open) if (!call.isAnswered) return false;
    return true;
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', () => {}); // 'close' follows
    if (isOver(stream)) return; // its end overtook the event of its start
    const refusal = headRefusal(headers);
    if (refusal !== undefined) {
      stream.respond({ ':status': refusal.status, 'content-type': 'text/plain' });
      stream.end(refusal.message);
      return;
    }
    const { handler } = this.#setting;
    if (handler.isStream(headers[':path'] ?? '')) {
      this.#open.add(new GrpcStreamCall(this, stream, headers, handler));
      return;
    }
    const exchange = new GrpcExchange(this, stream, headers);
    this.#open.add(exchange);
    handler.request(exchange);
  }
}

function sessionOptions(limits: Limits): Parameters<typeof performServerHandshake>[1] & object {
  return {
    ...FLOOD_LIMITS,
    maxHeaderListPairs: limits.max_headers + PSEUDO_HEADERS,
    maxSessionMemory: Math.ceil(limits.max_unsent_bytes / 1e6), // replies that wait are counted below, over all connections
    settings: {
      enablePush: false,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxFrameSize: FRAME_BYTES,
      maxConcurrentStreams: limits.grpc_max_streams,
      maxHeaderListSize: limits.max_header_bytes,
    },
  };
}
