/**
 * What happens to every request, in order: route, authorize, limits, body, decompress, handler. Each step may answer;
 * a step that answers before the body is read saves reading it.
 */
import type { BufferPool } from '../../core/buffer-pool.ts';
import type { Clock } from '../../core/clock.ts';
import { isSkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import type { Log } from '../../core/log.ts';
import type { Trace } from '../../core/trace.ts';
import { JSON_TYPE } from '../protocols/http-call.ts';
import type { HttpCall, Route } from '../protocols/http-call.ts';
import type { Principal } from '../runtime/requests.ts';
import type { AccessLog } from './access-log.ts';
import type { ByteBudget } from './byte-budget.ts';
import { codedBody } from '../protocols/failures.ts';
import { httpFailure } from './error-reply.ts';
import type { HttpFailure } from './error-reply.ts';
import { contentCoding, decompress, decompressedBound } from './decompress.ts';
import type { Compression } from './decompress.ts';
import type { HttpMetrics } from './http-metrics.ts';
import {
  bodyRefusal,
  decompressRefusal,
  headRefusal,
  missingRefusal,
  paramRefusal,
  UNKNOWN_CODING,
} from './refusals.ts';
import type { BodyLimit } from './refusals.ts';
import type { Router } from './router.ts';
import { ServerCall } from './server-call.ts';
import type { CallHost, CallPlace } from './server-call.ts';
import type {
  BodyProblem,
  HeadProblem,
  HeaderList,
  ProblemReply,
  WireExchange,
  WireHandler,
} from './wire/wire.ts';

/** Who calls, or the refusal. Asked for paths without a route too: those who may nothing do not learn what there is. */
export type Authorize = (call: HttpCall, route: Route | undefined) => Principal | HttpFailure;

/** Offered every call that is in no route; true when it answered. */
export type UnmatchedHook = (call: HttpCall) => boolean;

export interface PipelineOptions {
  /** Of plain HTTP. */
  readonly router: Router;
  readonly grpcRouter: Router;
  readonly authorize: Authorize;
  readonly unmatched: readonly UnmatchedHook[];
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: HttpMetrics;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  readonly accessLog: AccessLog | undefined;
  readonly trace: Trace | undefined;
  /** Added to every reply. */
  readonly commonHeaders: HeaderList;
  readonly compressesReplies: boolean;
  readonly newId: () => string;
}

export class RequestPipeline implements CallHost {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: HttpMetrics;
  readonly budget: ByteBudget;
  readonly pool: BufferPool;
  readonly accessLog: AccessLog | undefined;
  readonly trace: Trace | undefined;
  readonly commonHeaders: HeaderList;
  readonly compressesReplies: boolean;
  readonly newId: () => string;
  readonly #options: PipelineOptions;
  #inflight = 0;

  constructor(options: PipelineOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.log = options.log;
    this.metrics = options.metrics;
    this.budget = options.budget;
    this.pool = options.pool;
    this.accessLog = options.accessLog;
    this.trace = options.trace;
    this.commonHeaders = options.commonHeaders;
    this.compressesReplies = options.compressesReplies;
    this.newId = options.newId;
  }

  /** Requests without an answer. */
  get inflight(): number {
    return this.#inflight;
  }

  /** What a listener hands its requests to. */
  at(place: CallPlace): WireHandler {
    return {
      isStream: (path) => this.#isStream(path),
      request: (exchange) => this.#request(exchange, place),
      problem: (problem, detail) => this.#problem(problem, detail),
    };
  }

  #isStream(path: string): boolean {
    const match = this.#options.grpcRouter.match('POST', path);
    return match.kind === 'found' && match.route.isStream === true;
  }

  #request(exchange: WireExchange, place: CallPlace): void {
    const call = new ServerCall(this, exchange, place);
    this.#inflight++;
    this.reportInflight();
    this.guard(call, () => this.#start(call));
  }

  #problem(problem: HeadProblem, detail: string): ProblemReply {
    const { status, error } = headRefusal(problem, detail, this.#options.limits);
    this.metrics.route(undefined).observe('other', status, 0);
    this.log('debug', 'a connection sent bytes that are no request', { status, detail });
    return { status, contentType: JSON_TYPE, body: codedBody(error) };
  }

  finished(): void {
    this.#inflight--;
    this.reportInflight();
  }

  reportInflight(): void {
    this.metrics.inflight(this.#inflight, this.budget.usedBytes);
  }

  /** The bytes as they travelled. */
  bodyArrived(call: ServerCall, bytes: Uint8Array): void {
    const coding = contentCoding(call.headers.get('content-encoding')) ?? 'plain';
    if (coding === 'plain' || bytes.length === 0) this.#handle(call, bytes);
    else this.#decompress(call, coding, bytes);
  }

  bodyFailed(call: ServerCall, problem: BodyProblem): void {
    call.fail(bodyRefusal(problem, call.exchange.bodyBytes, bodyLimit(call), this.#options.limits));
  }

  /** A defect in one handler costs that request only; after the answer it is only logged. */
  guard(call: ServerCall, run: () => void): void {
    try {
      run();
    } catch (error) {
      if (isSkyliftError(error) && error.code !== 'SKY_INTERNAL') {
        call.fail({ status: error.status, error });
        return;
      }
      const stack = error instanceof Error ? error.stack : String(error);
      this.log('error', 'a request handler failed', { id: call.id, route: call.route?.pattern, stack });
      if (!call.isDone)
        call.fail(httpFailure(500, 'SKY_INTERNAL', `the server failed on request ${call.id}`));
    }
  }

  #start(call: ServerCall): void {
    const { router, grpcRouter } = this.#options;
    const match = (call.isGrpc ? grpcRouter : router).match(call.method, call.path);
    const isMatched = match.kind === 'found' || match.kind === 'undecodable';
    if (isMatched) call.matched(match.route, match.kind === 'found' ? match.params : {});
    if (!this.#admit(call)) return;
    if (match.kind === 'found') this.#readBody(call, match.route);
    else if (match.kind === 'undecodable') call.fail(paramRefusal(match.param, match.value));
    else this.#answerUnmatched(call, match.kind === 'wrong-method' ? match.allowed : []);
  }

  #admit(call: ServerCall): boolean {
    const admitted = this.#options.authorize(call, call.route);
    if ('error' in admitted) call.fail(admitted);
    else call.principal = admitted;
    return !call.isDone;
  }

  #readBody(call: ServerCall, route: Route): void {
    const { exchange } = call;
    if (route.maxBodyBytes === 0 || exchange.bodyBytes === 0) this.#handle(call, call.body);
    else if (contentCoding(call.headers.get('content-encoding')) === undefined) call.fail(UNKNOWN_CODING);
    else exchange.readBody(route.maxBodyBytes);
  }

  #decompress(call: ServerCall, coding: Compression, compressed: Uint8Array): void {
    const { maxBytes, flag } = bodyLimit(call);
    const boundBytes = decompressedBound(compressed.length, maxBytes, this.#options.limits.max_gzip_ratio);
    if (!call.reserve(boundBytes)) {
      this.bodyFailed(call, 'over-budget');
      return;
    }
    const stop = decompress(coding, compressed, boundBytes, (result) => {
      if (call.isDone) return;
      if (typeof result !== 'string') this.#handle(call, result);
      else call.fail(decompressRefusal(result, compressed.length, { maxBytes: boundBytes, flag }));
    });
    call.onGone(stop); // the budget has the bytes back then
  }

  #handle(call: ServerCall, body: Uint8Array): void {
    call.body = body;
    const { route } = call;
    if (route !== undefined) this.guard(call, () => route.handle(call));
  }

  #answerUnmatched(call: ServerCall, allowed: readonly string[]): void {
    if (this.#options.unmatched.some((hook) => hook(call))) return;
    call.fail(missingRefusal(call.method, call.path, allowed));
  }
}

function bodyLimit({ isGrpc, route }: ServerCall): BodyLimit {
  const flag = isGrpc ? '--grpc_max_message_bytes' : '--max_body_bytes';
  return { maxBytes: route?.maxBodyBytes ?? 0, flag };
}
