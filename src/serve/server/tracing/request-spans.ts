/**
 * The spans of one answered request, named and described as OpenTelemetry's semantic conventions have it: the request, its wait for an
 * engine, its run. Names of models and codes of failures go in, never paths without a route, queries, header values or tensors.
 */
import type { Clock } from '../../../core/clock.ts';
import type { FinishedSpan, SpanContext, Trace } from '../../../core/trace.ts';
import type { Route } from '../../protocols/http-call.ts';
import type { RunTiming } from '../../runtime/requests.ts';

/** What is known of a call when it is over. */
export interface FinishedCall {
  readonly isGrpc: boolean;
  readonly method: string;
  readonly path: string;
  readonly route: Route | undefined;
  readonly scheme: 'http' | 'https';
  /** 499: the client went away before the answer. */
  readonly status: number;
  /** Canonical number; undefined on HTTP. */
  readonly grpcStatus: number | undefined;
  readonly durationMs: number;
  readonly notes: Readonly<Record<string, string>>;
  /** Of the run that answered, and how long ago it ended. */
  readonly run: (RunTiming & { readonly endedMsAgo: number }) | undefined;
}

/** Callers choose names: they take no more memory than this. */
const MAX_VALUE_CHARS = 256;
const CLIENT_GONE_STATUS = 499;
const KNOWN_METHODS = new Set(['GET', 'POST', 'OPTIONS', 'HEAD', 'PUT', 'DELETE', 'PATCH']);
const ENGINE = 'onnxruntime';
const GRPC_CANCELLED = 1;
/** Failures of the server, not of the caller: UNKNOWN, DEADLINE_EXCEEDED, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const GRPC_SERVER_FAILURES: ReadonlySet<number> = new Set([2, 4, 12, 13, 14, 15]);

/** Probes and scrapes come all the time and tell nothing. */
export function isTraced(route: Route | undefined): boolean {
  return route?.plane !== 'health' && route?.plane !== 'metrics';
}

/** Tells `trace` what happened to a call whose place in it is `context`. */
export function recordCall(
  trace: Trace,
  { context, parent }: { readonly context: SpanContext; readonly parent: SpanContext | undefined },
  call: FinishedCall,
  clock: Clock,
): void {
  const endMs = clock.wallMs();
  const { isGrpc, durationMs, run } = call;
  const server: FinishedSpan = {
    context,
    parentId: parent?.spanId,
    name: isGrpc ? rpcName(call) : httpName(call),
    kind: 'server',
    startMs: endMs - durationMs,
    endMs,
    attributes: { ...(isGrpc ? rpcAttributes(call) : httpAttributes(call)), ...commonAttributes(call) },
    isError: isServerFailure(call),
  };
  trace.record(run === undefined ? [server] : [server, ...runSpans(trace, context, run, endMs)]);
}

function runSpans(
  trace: Trace,
  above: SpanContext,
  { queuedUs, ranUs, batchRows, endedMsAgo }: NonNullable<FinishedCall['run']>,
  nowMs: number,
): FinishedSpan[] {
  const endMs = nowMs - endedMsAgo;
  const startMs = endMs - ranUs / 1000;
  const span = (
    name: string,
    part: Pick<FinishedSpan, 'startMs' | 'endMs' | 'attributes'>,
  ): FinishedSpan => ({
    context: trace.context(above),
    parentId: above.spanId,
    name,
    kind: 'internal',
    isError: false,
    ...part,
  });
  return [
    span('queue', { startMs: startMs - queuedUs / 1000, endMs: startMs, attributes: {} }),
    span('run', {
      startMs,
      endMs,
      attributes: { 'skylift.engine': ENGINE, 'skylift.batch.rows': batchRows },
    }),
  ];
}

function httpName({ method, route }: FinishedCall): string {
  const verb = KNOWN_METHODS.has(method) ? method : 'HTTP';
  return route === undefined ? verb : `${verb} ${route.pattern}`;
}

function httpAttributes({
  method,
  path,
  route,
  scheme,
  status,
}: FinishedCall): Record<string, string | number> {
  return {
    'http.request.method': KNOWN_METHODS.has(method) ? method : '_OTHER',
    'url.scheme': scheme,
    ...(route !== undefined && { 'http.route': route.pattern, 'url.path': cut(path) }),
    ...(status !== CLIENT_GONE_STATUS && { 'http.response.status_code': status }),
  };
}

/** `package.Service/Method`; paths that are in no route are the caller's words. */
function rpcName({ route }: FinishedCall): string {
  return route === undefined ? 'grpc' : route.pattern.slice(1);
}

function rpcAttributes({ route, status, grpcStatus = 0 }: FinishedCall): Record<string, string | number> {
  const [service = '', method = ''] = route === undefined ? [] : route.pattern.slice(1).split('/');
  return {
    'rpc.system': 'grpc',
    ...(route !== undefined && { 'rpc.service': service, 'rpc.method': method }),
    'rpc.grpc.status_code': status === CLIENT_GONE_STATUS ? GRPC_CANCELLED : grpcStatus,
  };
}

function commonAttributes({ notes, status }: FinishedCall): Record<string, string> {
  const { model, version } = notes;
  const error = status === CLIENT_GONE_STATUS ? 'SKY_CANCELLED' : codeIn(notes['error']);
  return {
    ...(model !== undefined && { 'skylift.model.name': cut(model) }),
    ...(version !== undefined && { 'skylift.model.version': cut(version) }),
    ...(error !== undefined && { 'error.type': error }),
  };
}

/** The text of a defect, which the log has, may hold anything. */
function codeIn(error: string | undefined): string | undefined {
  return error === undefined ? undefined : /^SKY_[A-Z_]+/.exec(error)?.[0];
}

function isServerFailure({ isGrpc, status, grpcStatus = 0 }: FinishedCall): boolean {
  if (status === CLIENT_GONE_STATUS) return false;
  return isGrpc ? GRPC_SERVER_FAILURES.has(grpcStatus) : status >= 500;
}

function cut(text: string): string {
  return text.length > MAX_VALUE_CHARS ? text.slice(0, MAX_VALUE_CHARS) : text;
}
