/** One request on its way through the server: collects the body, carries the answer down, counts and logs itself once. */
import type { Clock } from '../../core/clock.ts';
import { SkyliftError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { GRPC_STATUS, GRPC_TYPE, statusHeaders } from '../protocols/grpc-status.ts';
import { JSON_TYPE } from '../protocols/http-call.ts';
import type { HeaderView, HttpCall, Protocol, Route } from '../protocols/http-call.ts';
import { ANONYMOUS } from '../runtime/requests.ts';
import type { Principal, RunTiming } from '../runtime/requests.ts';
import type { Trace } from '../../core/trace.ts';
import type { AccessLog } from './access-log.ts';
import type { BufferPool } from '../../core/buffer-pool.ts';
import type { ByteBudget } from './byte-budget.ts';
import { codedBody } from '../protocols/failures.ts';
import { httpFailure } from './error-reply.ts';
import type { HttpFailure } from './error-reply.ts';
import type { HttpMetrics, RouteMetrics } from './http-metrics.ts';
import { UNMATCHED_ROUTE } from './http-metrics.ts';
import { isTraced, recordCall } from './tracing/request-spans.ts';
import type { FinishedCall } from './tracing/request-spans.ts';
import { callerContext } from './tracing/trace-context.ts';
import { acceptedCoding, compressReply, isWorthCompressing } from './compress-reply.ts';
import { callerRequestId } from './request-id.ts';
import type { RouteParams } from './router.ts';
import type { BodyProblem, HeaderList, WireExchange, WireReceiver } from './wire/wire.ts';

const EMPTY = new Uint8Array(0);
const CLIENT_GONE_STATUS = 499;

type Note = Parameters<HttpCall['note']>[0];

/** The listener that a call came by. */
export interface CallPlace {
  /** Only processes of this machine reach it. */
  readonly isLocal: boolean;
  readonly scheme: 'http' | 'https';
}

/** What a call needs from the server around it. */
export interface CallHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: HttpMetrics;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  readonly accessLog: AccessLog | undefined;
  readonly trace: Trace | undefined;
  /** Added to every reply. */
  readonly commonHeaders: HeaderList;
  /** Clients may have replies compressed. */
  readonly compressesReplies: boolean;
  newId(): string;
  /** The body as it travelled. */
  bodyArrived(call: ServerCall, bytes: Uint8Array): void;
  bodyFailed(call: ServerCall, problem: BodyProblem): void;
  /** Runs code of a handler; what it throws costs this call only. */
  guard(call: ServerCall, run: () => void): void;
  /** The call is answered or gone. */
  finished(): void;
  /** The budget changed. */
  reportInflight(): void;
}

export class ServerCall implements HttpCall, WireReceiver {
  readonly id: string;
  principal: Principal = ANONYMOUS;
  readonly arrivedAtMs: number;
  readonly exchange: WireExchange;
  body: Uint8Array = EMPTY;
  params: RouteParams = {};
  route: Route | undefined;
  readonly #host: CallHost;
  readonly #place: CallPlace;
  readonly #isIdFromCaller: boolean;
  #metrics: RouteMetrics;
  #heldBytes = 0;
  #memory: Buffer[] | undefined;
  #bytesIn = 0;
  #isDone = false;
  /** The reply is on its way through the thread pool. */
  #isCompressing = false;
  #isGone = false;
  #onGone: (() => void) | undefined;
  #notes: Partial<Record<Note, string>> | undefined;
  #grpcStatus = 0;
  #run: (RunTiming & { readonly endedAtMs: number }) | undefined;

  constructor(host: CallHost, exchange: WireExchange, place: CallPlace) {
    const callerId = callerRequestId(exchange.headers.get('x-request-id'));
    this.id = callerId ?? host.newId();
    this.arrivedAtMs = host.clock.nowMs();
    this.exchange = exchange;
    this.#host = host;
    this.#place = place;
    this.#isIdFromCaller = callerId !== undefined;
    this.#metrics = host.metrics.route(undefined);
    exchange.attach(this);
  }
  get isGrpc(): boolean {
    return this.exchange.isGrpc;
  }
  get protocol(): Protocol | undefined {
    return this.route?.protocol;
  }
  get method(): string {
    return this.exchange.method;
  }
  get path(): string {
    return this.exchange.path;
  }
  get query(): string {
    return this.exchange.query;
  }
  get headers(): HeaderView {
    return this.exchange.headers;
  }
  get isLocal(): boolean {
    return this.#place.isLocal;
  }
  get isDone(): boolean {
    return this.#isDone;
  }

  matched(route: Route, params: RouteParams): void {
    this.route = route;
    this.params = params;
    this.#metrics = this.#host.metrics.route(route);
  }

  push(message: Uint8Array): void {
    if (!this.#isDone) this.exchange.push?.(message);
  }

  reply(
    status: number,
    contentType: string,
    body: Uint8Array | string,
    headers?: Readonly<Record<string, string>>,
  ): void {
    if (this.#isDone || this.#isCompressing) {
      if (!this.#isGone)
        this.#host.log('warn', 'a second reply to a request was ignored', {
          id: this.id,
          path: this.#label,
          status,
        });
      return;
    }
    if (headers?.[GRPC_STATUS] !== undefined) this.#grpcStatus = Number(headers[GRPC_STATUS]);
    const list = ['content-type', contentType];
    if (this.#isIdFromCaller || status >= 400) list.push('x-request-id', this.id);
    for (const name in headers) list.push(name, headers[name] ?? '');
    this.#addCommonHeaders(list, headers);
    if (this.#host.compressesReplies && !this.isGrpc) this.#sendCompressed(status, list, body);
    else this.#send(status, list, body);
  }

  /** As it is, unless the client asks for a coding that is worth it. */
  #sendCompressed(status: number, list: string[], body: Uint8Array | string): void {
    list.push('vary', 'accept-encoding');
    const coding = isWorthCompressing(status, body)
      ? acceptedCoding(this.headers.get('accept-encoding'))
      : undefined;
    if (coding === undefined) return this.#send(status, list, body);
    this.#isCompressing = true;
    compressReply(coding, body, (packed) => {
      this.#isCompressing = false;
      if (this.#isDone) return; // the client went away
      if (packed) list.push('content-encoding', coding);
      this.#send(status, list, packed ?? body);
    });
  }

  #send(status: number, list: string[], body: Uint8Array | string): void {
    this.exchange.send(status, list, body);
    this.#finish(status, body);
  }

  fail(failure: HttpFailure): void {
    const { status, error, headers } = failure;
    this.note('error', error.code);
    if (this.isGrpc)
      this.reply(status, GRPC_TYPE, '', statusHeaders(failure.grpc ?? error.grpc, error.message));
    else this.reply(status, JSON_TYPE, codedBody(error, this.id), headers);
  }

  onGone(fn: () => void): void {
    if (this.#isGone) fn();
    else this.#onGone = fn;
  }

  ran(timing: RunTiming): void {
    if (this.#host.trace !== undefined) this.#run = { ...timing, endedAtMs: this.#host.clock.nowMs() };
  }

  note(field: Note, value: string): void {
    if (this.#host.accessLog === undefined && this.#host.trace === undefined) return; // nobody reads them
    this.#notes ??= {};
    this.#notes[field] = value;
  }

  reserve(sizeBytes: number): boolean {
    if (!this.#host.budget.tryTake(sizeBytes)) return false;
    this.#heldBytes += sizeBytes;
    this.#host.reportInflight();
    return true;
  }

  allocate(sizeBytes: number): Buffer {
    const bytes = takeMemory(this.#host.pool, sizeBytes);
    (this.#memory ??= []).push(bytes);
    return bytes;
  }

  release(bytes: Buffer): void {
    this.#memory = this.#memory?.filter((held) => held !== bytes);
    this.#host.pool.give(bytes);
  }

  bodyArrived(bytes: Uint8Array): void {
    this.#bytesIn = bytes.length;
    this.#host.bodyArrived(this, bytes);
  }

  bodyFailed(problem: BodyProblem): void {
    this.#host.bodyFailed(this, problem);
  }

  drainEnded(): void {
    if (this.#isDone || this.#isCompressing) return;
    const stop = this.#onGone;
    this.fail(httpFailure(503, 'SKY_DRAINING', 'the server shut down before the request was finished'));
    if (stop !== undefined) this.#host.guard(this, stop);
  }

  gone(): void {
    if (this.#isDone) return;
    this.#isGone = true;
    this.#finish(CLIENT_GONE_STATUS, '');
    if (this.#onGone !== undefined) this.#host.guard(this, this.#onGone);
  }

  /** What the handler set itself stays as it is: some headers must not stand twice. */
  #addCommonHeaders(list: string[], own: Readonly<Record<string, string>> = {}): void {
    const common = this.#host.commonHeaders;
    for (let i = 0; i < common.length; i += 2) {
      const [name, value] = [common[i] ?? '', common[i + 1] ?? ''];
      if (!Object.hasOwn(own, name)) list.push(name, value);
    }
  }

  /** Only a good answer proves that nobody reads the request any more: after an early one it may be on its way to an engine. */
  #recycle(status: number, reply: Uint8Array | string): void {
    for (const bytes of this.#memory ?? [])
      if (status === 200 && (typeof reply === 'string' || reply.buffer !== bytes.buffer))
        this.#host.pool.give(bytes);
    this.#memory = undefined;
  }

  get #label(): string {
    return this.route?.pattern ?? UNMATCHED_ROUTE;
  }

  #finish(status: number, body: Uint8Array | string): void {
    const host = this.#host;
    const durationMs = host.clock.nowMs() - this.arrivedAtMs;
    this.#isDone = true;
    this.body = EMPTY;
    host.budget.give(this.#heldBytes);
    this.#recycle(status, body);
    host.finished();
    this.#metrics.observe(this.method, status, durationMs);
    const traceId = this.#traced(status, durationMs);
    host.accessLog?.({
      id: this.id,
      traceId,
      method: this.method,
      route: this.#label,
      status,
      bytesIn: this.#bytesIn,
      bytesOut: typeof body === 'string' ? Buffer.byteLength(body) : body.length,
      durationMs,
      notes: this.#notes ?? {},
    });
  }

  /** Tells the trace of the call, and returns the trace's id where somebody reads it. */
  #traced(status: number, durationMs: number): string | undefined {
    const { trace, accessLog, clock } = this.#host;
    if (trace === undefined && accessLog === undefined) return undefined;
    const parent = callerContext(this.headers);
    if (trace === undefined || !isTraced(this.route)) return parent?.traceId;
    const context = trace.context(parent);
    if (context.isSampled) recordCall(trace, { context, parent }, this.#facts(status, durationMs), clock);
    return context.traceId;
  }

  #facts(status: number, durationMs: number): FinishedCall {
    const { isGrpc, method, path, route } = this;
    const run = this.#run && {
      ...this.#run,
      endedMsAgo: this.arrivedAtMs + durationMs - this.#run.endedAtMs,
    };
    const { scheme } = this.#place;
    const grpcStatus = isGrpc ? this.#grpcStatus : undefined;
    const notes = this.#notes ?? {};
    return { isGrpc, method, path, route, scheme, status, grpcStatus, durationMs, notes, run };
  }
}

/** Throws SKY_OVERLOADED: the machine has less than the limits allow. */
function takeMemory(pool: BufferPool, sizeBytes: number): Buffer {
  try {
    return pool.take(sizeBytes);
  } catch (error) {
    const message = `the machine has no memory for ${sizeBytes} bytes of a request`;
    throw new SkyliftError('SKY_OVERLOADED', message, { cause: error });
  }
}
