/**
 * The wire port: what a back-end that speaks HTTP to sockets gives to the server and wants from it. Routing, limits
 * per route, error texts and metrics live above this line; parsing, framing, timeouts and connections below it.
 */
import type { HeaderView } from '../../protocols/http-call.ts';

/** Flat list of names and values, in the order of the wire. */
export type HeaderList = readonly string[];

/** Why the body of a request did not arrive. */
export type BodyProblem = 'too-large' | 'over-budget' | 'no-memory' | 'malformed' | 'timeout';

/** Why the bytes of a connection were not accepted as a request. */
export type HeadProblem =
  | 'malformed'
  | 'headers-too-large'
  | 'timeout'
  | 'unknown-transfer-coding'
  | 'unknown-expectation';

/** The upper side of one exchange; told about everything that happens to it until it is answered or gone. */
export interface WireReceiver {
  /** Asks for `sizeBytes` more before memory is allocated; false: the server holds enough already. */
  reserve(sizeBytes: number): boolean;
  /** Memory for a body, which was reserved before. It is the receiver's again with its reply. Throws when there is none. */
  allocate(sizeBytes: number): Buffer;
  /** Takes back memory of `allocate` that a growing body does not use any more. */
  release(bytes: Buffer): void;
  /** The whole body. */
  bodyArrived(bytes: Uint8Array): void;
  /** No body will come; an answer is expected all the same. */
  bodyFailed(problem: BodyProblem): void;
  /** The drain limit has passed; an answer is expected at once. */
  drainEnded(): void;
  /** The client went away before the reply was handed over; nothing is called afterwards. */
  gone(): void;
}

/** One request whose head has arrived, and the way to answer it. */
export interface WireExchange {
  /** A gRPC call: headers are its metadata, the body is its one message, `send` writes a message and its status. */
  readonly isGrpc: boolean;
  readonly method: string;
  /** Raw path, undecoded, without the query. */
  readonly path: string;
  /** Without the question mark. */
  readonly query: string;
  /** Repeated fields are joined with `, `; of fields that may stand once (RFC 9110) the first counts. */
  readonly headers: HeaderView;
  /** Announced by `content-length`; 0: there is no body; undefined: chunked. */
  readonly bodyBytes: number | undefined;
  /** Says who is told; the first call on every exchange. */
  attach(receiver: WireReceiver): void;
  /** Reads the body, also sends `100 Continue` when the client waits for it. At most one call. */
  readBody(maxBytes: number): void;
  /** Writes a message before the answer, for gRPC methods whose answer is a stream; other exchanges have none. */
  push?(message: Uint8Array): void;
  /**
   * Answers. Written at the end of the event-loop turn, with `content-length`. At most one call. On gRPC the status is
   * in the headers (`grpc-status`, then without a body); without it the body is a message and the call went well.
   */
  send(status: number, headers: HeaderList, body: Uint8Array | string): void;
}

/** A reply to bytes that never became a request. */
export interface ProblemReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface WireHandler {
  /** Whether the gRPC method of this path takes a stream of messages: each of them is then a request of its own. */
  isStream(path: string): boolean;
  /** Called as soon as the head of a request is there; must not throw. */
  request(exchange: WireExchange): void;
  /** Words the answer to a refused head; `detail` is the parser's reason, free of values of the request. */
  problem(problem: HeadProblem, detail: string): ProblemReply;
}

export type ListenAddress =
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string };

/** Where a back-end listens; `port` is 0 for a unix socket, `host` then its path. */
export interface BoundAddress {
  readonly host: string;
  readonly port: number;
}

/** A listener. Limits are given when it is made. */
export interface WireBackend {
  /** Throws SKY_PORT_IN_USE, SKY_CONFIG_INVALID. */
  listen(address: ListenAddress, handler: WireHandler): Promise<BoundAddress>;
  /** Stops accepting, says `connection: close`, waits for what is in flight up to `drain_ms`, has the rest answered, then ends. */
  drain(): Promise<void>;
  /** Ends all connections now. */
  close(): Promise<void>;
}
