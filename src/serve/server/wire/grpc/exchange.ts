/** One gRPC call with one message in; one message out, or several, and the status in the trailers behind them. */
import { constants } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { GRPC_STATUS, GRPC_TYPE } from '../../../protocols/grpc-status.ts';
import type { BodyProblem, HeaderList, WireExchange, WireReceiver } from '../wire.ts';
import { framed } from './framing.ts';
import { GrpcHeaders } from './head.ts';
import { MessageReader } from './message-reader.ts';

const EMPTY = new Uint8Array(0);
export const OK_TRAILERS = { [GRPC_STATUS]: '0' };
/** Of every reply: what a client may send compressed. */
export const REPLY_HEAD: HeaderList = [':status', '200', 'grpc-accept-encoding', 'identity,deflate,gzip'];

/** A call that is open on a connection. */
export interface OpenCall {
  /** Nothing is being worked on: what is missing must come from the client. */
  readonly isAnswered: boolean;
  /** Looks whether a message is late; called now and then. */
  check(nowMs: number, bodyTimeoutMs: number): void;
  /** The connection takes no further call: what only waits for the client ends. */
  endIfIdle(): void;
  /** The drain is over: what has no answer gets its last one. */
  expire(): void;
}

/** What a call needs from its connection. */
export interface GrpcHost {
  remove(call: OpenCall): void;
  countUnsent(bytes: number): void;
  reportBadReply(error: unknown): void;
  nowMs(): number;
  /** As the clock's. */
  endOfTurn(fn: () => void): void;
}

/** Nothing may be written to the stream any more: node:http2 throws. */
export function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

/** The status of a failed call, out of the headers of its reply. */
export function statusOf(headers: HeaderList): Readonly<Record<string, string>> {
  const status: Record<string, string> = {};
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (name.startsWith('grpc-')) status[name] = headers[i + 1] ?? '';
  }
  return status;
}

export class GrpcExchange implements WireExchange, OpenCall {
  readonly isGrpc = true;
  readonly method = 'POST';
  readonly path: string;
  readonly query = '';
  readonly headers: GrpcHeaders;
  readonly #host: GrpcHost;
  readonly #stream: ServerHttp2Stream;
  #receiver: WireReceiver | undefined;
  #state: 'unread' | 'reading' | 'read' = 'unread';
  #readingSinceMs = 0;
  #reader: MessageReader | undefined;
  #isAnswered = false;
  #hasResponded = false;
  #trailers: Readonly<Record<string, string>> = OK_TRAILERS;
  #unsentBytes = 0;

  /** @param stream open, and its errors listened to */
  constructor(host: GrpcHost, stream: ServerHttp2Stream, fields: IncomingHttpHeaders) {
    this.#host = host;
    this.#stream = stream;
    this.path = fields[':path'] ?? '';
    this.headers = new GrpcHeaders(fields);
    stream.on('close', () => this.#end());
  }

  get bodyBytes(): number | undefined {
    return this.#reader?.lengthBytes;
  }

  /** A stream of answers waits for nothing but a client that wants it. */
  get isAnswered(): boolean {
    return this.#isAnswered || this.#hasResponded;
  }

  attach(receiver: WireReceiver): void {
    this.#receiver = receiver;
  }

  readBody(maxBytes: number): void {
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    this.#state = 'reading';
    this.#readingSinceMs = this.#host.nowMs();
    this.#reader = new MessageReader({ receiver, headers: this.headers, maxBytes });
    this.#stream.on('data', (piece: Buffer) => this.#take(piece));
    this.#stream.on('end', () => this.#finish());
  }

  push(message: Uint8Array): void {
    const stream = this.#stream;
    if (isOver(stream)) return;
    this.#respond(['content-type', GRPC_TYPE]);
    for (const piece of framed(message)) stream.write(piece);
    if (stream.writableNeedDrain) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM); // nobody reads them
  }

  send(_status: number, headers: HeaderList, body: Uint8Array | string): void {
    this.#isAnswered = true;
    const stream = this.#stream;
    if (isOver(stream)) return;
    const isUnread = this.#state !== 'read';
    this.#state = 'read';
    this.#reader = undefined;
    try {
      if (headers.includes(GRPC_STATUS)) this.#fail(headers);
      else this.#write(headers, body);
    } catch (error) {
      this.#host.reportBadReply(error);
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      return;
    }
    if (!isUnread) return;
    stream.resume(); // what is on the way is dropped, and the client told to stop
    stream.close(constants.NGHTTP2_NO_ERROR);
  }

  check(nowMs: number, bodyTimeoutMs: number): void {
    if (this.#state === 'reading' && nowMs - this.#readingSinceMs > bodyTimeoutMs) this.#failBody('timeout');
  }

  /** A stream of answers would never end; anything else ends by its reply, or by the time that its message may take. */
  endIfIdle(): void {
    if (this.#hasResponded) this.expire();
  }

  expire(): void {
    if (!this.#isAnswered) this.#receiver?.drainEnded();
  }

  #respond(headers: HeaderList): void {
    if (this.#hasResponded) return;
    const stream = this.#stream;
    this.#hasResponded = true;
    stream.respond([...REPLY_HEAD, ...headers], { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(this.#trailers));
  }

  #fail(headers: HeaderList): void {
    if (this.#hasResponded) {
      this.#trailers = statusOf(headers);
      this.#stream.end();
    } else this.#stream.respond([...REPLY_HEAD, ...headers], { endStream: true });
  }

  #write(headers: HeaderList, body: Uint8Array | string): void {
    const stream = this.#stream;
    this.#respond(headers);
    const [first = EMPTY, second] = framed(body);
    if (second === undefined) {
      stream.end(first);
      return;
    }
    this.#unsentBytes = second.length; // of small replies a connection has few
    this.#host.countUnsent(this.#unsentBytes);
    stream.write(first);
    stream.end(second);
  }

  #take(piece: Buffer): void {
    if (this.#state !== 'reading' || this.#reader === undefined) return;
    const rest = this.#reader.push(piece);
    if (typeof rest === 'string') this.#failBody(rest);
    else if (rest.length > 0) this.#failBody('malformed'); // a second message, or bytes behind the first
  }

  #finish(): void {
    if (this.#state !== 'reading') return;
    const message = this.#reader?.message;
    if (message === undefined) {
      this.#failBody('malformed');
      return;
    }
    this.#state = 'read';
    this.#reader = undefined;
    this.#receiver?.bodyArrived(message);
  }

  #failBody(problem: BodyProblem): void {
    this.#state = 'unread';
    this.#receiver?.bodyFailed(problem);
  }

  /** The stream is closed, by its reply or by the client. */
  #end(): void {
    this.#host.countUnsent(-this.#unsentBytes);
    this.#unsentBytes = 0;
    this.#host.remove(this);
    if (!this.#isAnswered) this.#receiver?.gone();
    this.#isAnswered = true;
  }
}
