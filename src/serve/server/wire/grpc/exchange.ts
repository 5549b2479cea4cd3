/** One unary gRPC call on an HTTP/2 stream: its message through a collector, its reply with the status in the trailers. */
import { constants } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { GRPC_STATUS } from '../../../protocols/grpc-status.ts';
import { BodyCollector, firstReservation } from '../body-collector.ts';
import type { BodyProblem, HeaderList, WireExchange, WireReceiver } from '../wire.ts';
import { framed, PrefixReader } from './framing.ts';
import { GrpcHeaders } from './head.ts';

const EMPTY = new Uint8Array(0);
const OK_TRAILERS = { [GRPC_STATUS]: '0' };
/** Of every reply: what a client may send compressed. */
const REPLY_HEAD: HeaderList = [':status', '200', 'grpc-accept-encoding', 'identity,deflate,gzip'];

/** What an exchange needs from its connection. */
export interface GrpcHost {
  remove(exchange: GrpcExchange): void;
  countUnsent(bytes: number): void;
  reportBadReply(error: unknown): void;
  nowMs(): number;
}

/** Nothing may be written to the stream any more: node:http2 throws. */
export function isOver(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

export class GrpcExchange implements WireExchange {
  readonly isGrpc = true;
  readonly method = 'POST';
  readonly path: string;
  readonly query = '';
  readonly headers: GrpcHeaders;
  readonly #host: GrpcHost;
  readonly #stream: ServerHttp2Stream;
  readonly #prefix = new PrefixReader();
  #receiver: WireReceiver | undefined;
  #state: 'unread' | 'reading' | 'read' = 'unread';
  #readingSinceMs = 0;
  #maxBytes = 0;
  /** Of the message, once its prefix has come. */
  #lengthBytes: number | undefined;
  #collector: BodyCollector | undefined;
  #message: Uint8Array | undefined;
  #isAnswered = false;
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
    return this.#lengthBytes;
  }

  get isAnswered(): boolean {
    return this.#isAnswered;
  }

  attach(receiver: WireReceiver): void {
    this.#receiver = receiver;
  }

  readBody(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#state = 'reading';
    this.#readingSinceMs = this.#host.nowMs();
    this.#stream.on('data', (piece: Buffer) => {
      const problem = this.#take(piece);
      if (problem !== undefined) this.#failBody(problem);
    });
    this.#stream.on('end', () => this.#finish());
  }

  send(_status: number, headers: HeaderList, body: Uint8Array | string): void {
    this.#isAnswered = true;
    const stream = this.#stream;
    if (isOver(stream)) return;
    const isUnread = this.#state !== 'read';
    this.#forgetBody();
    try {
      if (headers.includes(GRPC_STATUS)) stream.respond([...REPLY_HEAD, ...headers], { endStream: true });
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

  /** Looks whether the message is late; called now and then. */
  check(nowMs: number, bodyTimeoutMs: number): void {
    if (this.#state === 'reading' && nowMs - this.#readingSinceMs > bodyTimeoutMs) this.#failBody('timeout');
  }

  /** The drain is over: a call without an answer gets its last one. */
  expire(): void {
    if (!this.#isAnswered) this.#receiver?.drainEnded();
  }

  #write(headers: HeaderList, body: Uint8Array | string): void {
    const stream = this.#stream;
    stream.respond([...REPLY_HEAD, ...headers], { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers(OK_TRAILERS));
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

  #take(piece: Buffer): BodyProblem | undefined {
    if (this.#state !== 'reading') return undefined;
    let rest = piece;
    if (this.#lengthBytes === undefined) {
      rest = piece.subarray(this.#prefix.add(piece));
      const problem = this.#startMessage();
      if (problem !== undefined || rest.length === 0) return problem;
    }
    if (this.#message !== undefined) return 'malformed'; // a second message, or bytes behind the first
    const left = (this.#lengthBytes ?? 0) - (this.#collector?.filledBytes ?? 0);
    if (rest.length > left) return 'malformed';
    const state = this.#collector?.keep(rest);
    if (state === 'complete') this.#message = this.#collector?.take();
    return state === 'complete' || state === 'more' ? undefined : state;
  }

  #startMessage(): BodyProblem | undefined {
    const prefix = this.#prefix.take();
    if (prefix === undefined) return undefined;
    if (prefix === 'malformed') return 'malformed';
    const { isCompressed, lengthBytes } = prefix;
    this.#lengthBytes = lengthBytes;
    if (isCompressed && this.headers.get('content-encoding') === undefined) return 'malformed';
    this.headers.isCompressed = isCompressed;
    if (lengthBytes > this.#maxBytes) return 'too-large';
    const receiver = this.#receiver;
    if (receiver === undefined) return undefined;
    if (!receiver.reserve(firstReservation(lengthBytes))) return 'over-budget';
    if (lengthBytes === 0) this.#message = EMPTY;
    else this.#collector = new BodyCollector(receiver, this.#maxBytes, lengthBytes);
    return undefined;
  }

  #finish(): void {
    if (this.#state !== 'reading') return;
    const message = this.#message;
    if (message === undefined) {
      this.#failBody('malformed');
      return;
    }
    this.#state = 'read';
    this.#forgetBody();
    this.#receiver?.bodyArrived(message);
  }

  #failBody(problem: BodyProblem): void {
    if (this.#state !== 'reading') return;
    this.#state = 'unread';
    this.#forgetBody();
    this.#receiver?.bodyFailed(problem);
  }

  #forgetBody(): void {
    this.#collector = undefined;
    this.#message = undefined;
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
