/**
 * A gRPC call that streams both ways: each of its messages is an exchange of its own, answered before the next one is
 * read, so that a stream holds no more than a unary call. A failure ends the stream.
 */
import { constants } from 'node:http2';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { GRPC_STATUS } from '../../../protocols/grpc-status.ts';
import type { HeaderList, WireExchange, WireHandler, WireReceiver } from '../wire.ts';
import { OK_TRAILERS, REPLY_HEAD, isOver, statusOf } from './exchange.ts';
import type { GrpcHost, OpenCall } from './exchange.ts';
import { framed } from './framing.ts';
import { GrpcHeaders } from './head.ts';
import { MessageReader } from './message-reader.ts';

const EMPTY = Buffer.alloc(0);

export class GrpcStreamCall implements OpenCall {
  readonly fields: IncomingHttpHeaders;
  readonly #host: GrpcHost;
  readonly #stream: ServerHttp2Stream;
  readonly #handler: WireHandler;
  /** The message that is being read or worked on. */
  #message: StreamMessage | undefined;
  #messageSinceMs = 0;
  /** What came behind that message. */
  #rest: Buffer = EMPTY;
  #hasClientEnded = false;
  #hasResponded = false;
  #isEnding = false;
  #isGoingOn = false;
  #trailers: Readonly<Record<string, string>> = OK_TRAILERS;
  #unsentBytes = 0;

  /** @param stream open, and its errors listened to */
  constructor(host: GrpcHost, stream: ServerHttp2Stream, fields: IncomingHttpHeaders, handler: WireHandler) {
    this.fields = fields;
    this.#host = host;
    this.#stream = stream;
    this.#handler = handler;
    stream.on('data', (piece: Buffer) => this.#take(piece));
    stream.on('end', () => {
      this.#hasClientEnded = true;
      this.#goOn();
    });
    stream.on('drain', () => this.#goOn());
    stream.on('close', () => this.#end());
    stream.on('wantTrailers', () => this.#sendTrailers());
  }

  get isAnswered(): boolean {
    return this.#message?.isWhole !== true;
  }

  check(nowMs: number, bodyTimeoutMs: number): void {
    if (this.#message?.isWhole === false && nowMs - this.#messageSinceMs > bodyTimeoutMs)
      this.#message.fail('timeout');
  }

  endIfIdle(): void {
    if (this.#message === undefined) this.#finish();
  }

  expire(): void {
    if (this.#message === undefined) this.#finish();
    else this.#message.receiver?.drainEnded();
  }

  /** Writes the answer of a message; a status ends the stream. */
  answer(headers: HeaderList, body: Uint8Array | string): void {
    this.#message = undefined;
    if (isOver(this.#stream) || this.#isEnding) return;
    const statusAt = headers.indexOf(GRPC_STATUS);
    if (statusAt >= 0) {
      this.#fail(headers);
      return;
    }
    this.#respond(headers);
    for (const piece of framed(body)) {
      this.#count(piece.length);
      this.#stream.write(piece, () => this.#count(-Math.min(piece.length, this.#unsentBytes)));
    }
    this.#goOn();
  }

  #take(piece: Buffer): void {
    if (this.#isEnding) return;
    this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    this.#goOn();
  }

  /** Reads on, unless a message is worked on or the client does not read its replies. */
  #goOn(): void {
    if (this.#isGoingOn) return; // answered while it is read: the loop below goes on
    this.#isGoingOn = true;
    while (!this.#isEnding && this.#message?.isWhole !== true && !this.#stream.writableNeedDrain) {
      if (this.#rest.length === 0) break;
      this.#feed();
    }
    this.#isGoingOn = false;
    if (this.#isEnding) return;
    const isBusy = this.#message?.isWhole === true || this.#stream.writableNeedDrain;
    if (isBusy && !this.#hasClientEnded) this.#stream.pause();
    else if (!isBusy) this.#wait();
  }

  #feed(): void {
    const bytes = this.#rest;
    this.#rest = EMPTY;
    this.#message ??= this.#open();
    this.#rest = this.#message?.push(bytes) ?? EMPTY;
  }

  #wait(): void {
    if (!this.#hasClientEnded) this.#stream.resume();
    else if (this.#message === undefined) this.#finish();
    else this.#message.fail('malformed'); // it was cut off
  }

  /** Lets the pipeline look at the next message; undefined when it was refused at once. */
  #open(): StreamMessage | undefined {
    const message = new StreamMessage(this);
    this.#message = message;
    this.#messageSinceMs = this.#host.nowMs();
    this.#handler.request(message);
    return this.#message;
  }

  #respond(headers: HeaderList): void {
    if (this.#hasResponded) return;
    this.#hasResponded = true;
    this.#stream.respond([...REPLY_HEAD, ...headers], { waitForTrailers: true });
  }

  #fail(headers: HeaderList): void {
    this.#trailers = statusOf(headers);
    this.#finish();
  }

  #finish(): void {
    if (this.#isEnding || isOver(this.#stream)) return;
    this.#isEnding = true;
    this.#rest = EMPTY;
    this.#respond(['content-type', 'application/grpc']);
    this.#stream.end();
    if (!this.#hasClientEnded) this.#stream.resume(); // what is on the way is dropped
  }

  /** A client that still sends is told to stop, behind the trailers: node:http2 writes them in the next turn. */
  #sendTrailers(): void {
    this.#stream.sendTrailers(this.#trailers);
    if (!this.#hasClientEnded) this.#host.endOfTurn(() => this.#stream.close(constants.NGHTTP2_NO_ERROR));
  }

  #count(bytes: number): void {
    this.#unsentBytes += bytes;
    this.#host.countUnsent(bytes);
  }

  #end(): void {
    this.#count(-this.#unsentBytes);
    this.#host.remove(this);
    const message = this.#message;
    this.#message = undefined;
    message?.receiver?.gone();
  }
}

/** One message of a stream. */
class StreamMessage implements WireExchange {
  readonly isGrpc = true;
  readonly method = 'POST';
  readonly path: string;
  readonly query = '';
  readonly headers: GrpcHeaders;
  readonly #call: GrpcStreamCall;
  receiver: WireReceiver | undefined;
  #reader: MessageReader | undefined;
  /** The whole message has come, or will not come. */
  isWhole = false;

  constructor(call: GrpcStreamCall) {
    this.#call = call;
    this.path = call.fields[':path'] ?? '';
    this.headers = new GrpcHeaders(call.fields);
  }

  get bodyBytes(): number | undefined {
    return this.#reader?.lengthBytes;
  }

  attach(receiver: WireReceiver): void {
    this.receiver = receiver;
  }

  readBody(maxBytes: number): void {
    const { receiver, headers } = this;
    if (receiver !== undefined) this.#reader = new MessageReader({ receiver, headers, maxBytes });
  }

  send(_status: number, headers: HeaderList, body: Uint8Array | string): void {
    this.isWhole = true;
    this.#call.answer(headers, body);
  }

  /** Takes what belongs to the message. @returns what does not */
  push(bytes: Buffer): Buffer {
    const rest = this.#reader?.push(bytes) ?? EMPTY;
    if (typeof rest === 'string') {
      this.fail(rest);
      return EMPTY;
    }
    const message = this.#reader?.message;
    if (message !== undefined) {
      this.isWhole = true;
      this.receiver?.bodyArrived(message);
    }
    return rest;
  }

  fail(problem: Parameters<WireReceiver['bodyFailed']>[0]): void {
    this.isWhole = true;
    this.receiver?.bodyFailed(problem);
  }
}
