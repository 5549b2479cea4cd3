/**
 * What a protocol adapter sees of HTTP: whole requests in, one deferred reply out. Wire back-ends implement it. A gRPC
 * method is an HTTP request, too: its metadata are headers, its message is the body.
 */
import type { Principal, RunTiming } from '../runtime/requests.ts';

export const JSON_TYPE = 'application/json';

/** Names are lower case; duplicates are joined as the wire back-end's contract says. */
export interface HeaderView {
  get(name: string): string | undefined;
}

export interface HttpCall {
  /** Request id: the caller's `x-request-id` when it is well-formed, else our own. */
  readonly id: string;
  /** Of its route; undefined when there is none. */
  readonly protocol: Protocol | undefined;
  /** The failures of this call are told as a gRPC status, not as a body. */
  readonly isGrpc: boolean;
  readonly method: string;
  /** Raw path, undecoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderView;
  /** Exact size, at an aligned offset. Valid until a reply with status 200: its memory is then used again. */
  readonly body: Uint8Array;
  readonly principal: Principal;
  /** It came by a way that only processes of this machine have. */
  readonly isLocal: boolean;
  /** Monotonic milliseconds of the injected clock. */
  readonly arrivedAtMs: number;
  /** Named groups of the route's pattern, percent-decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** Writes a message before the reply, for gRPC methods whose answer is a stream; elsewhere it does nothing. */
  push(message: Uint8Array): void;
  /** Answers once; written at the end of the event-loop turn. A second call is ignored and logged. */
  reply(
    status: number,
    contentType: string,
    body: Uint8Array | string,
    headers?: Readonly<Record<string, string>>,
  ): void;
  /** Asks for room for `sizeBytes` beyond the body, until the reply; false: the server holds enough already. */
  reserve(sizeBytes: number): boolean;
  /** Memory for what is made of the body; valid as long as the body. Any content. */
  allocate(sizeBytes: number): Buffer;
  /** Calls `fn` when the client goes away before the reply. At most one. */
  onGone(fn: () => void): void;
  /** The run that is about to be answered. */
  ran(timing: RunTiming): void;
  /** Adds a field to the access log line. */
  note(field: 'key' | 'model' | 'version' | 'signature' | 'error', value: string): void;
}

/** Whose words a route speaks. */
export type Protocol = 'tfserving' | 'oip' | 'skylift';

export type Plane = 'data' | 'admin' | 'metrics' | 'health';
/** What a caller may be allowed to do. */
export const GRANTED_PERMISSIONS = ['predict', 'read', 'metrics', 'admin'] as const;
export type GrantedPermission = (typeof GRANTED_PERMISSIONS)[number];
/** `public`: everybody, without a question. */
export type Permission = 'public' | GrantedPermission;

/** One record of the route table; nothing answers that is not in it. */
export interface Route {
  readonly protocol: Protocol;
  /** Routes of gRPC methods answer gRPC calls only, all others none. @default http */
  readonly transport?: 'http' | 'grpc';
  /** A gRPC method that takes many messages: each is a call of its own, and its answer one message. @default false */
  readonly isStream?: boolean;
  readonly method: 'GET' | 'POST' | 'OPTIONS';
  /** Template for people, docs and metric labels: `/v1/models/{model}:predict`. */
  readonly pattern: string;
  /** Matches the whole raw path; named groups become params. Where the pattern has `{model}`, the group `name` is it. */
  readonly match: RegExp;
  readonly permission: Permission;
  readonly plane: Plane;
  /** 0: no body is read. */
  readonly maxBodyBytes: number;
  readonly summary: string;
  readonly handle: (call: HttpCall) => void;
}
