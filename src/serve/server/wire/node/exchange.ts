/** One request on node:http: its head as plain fields, its body through a collector, its reply through the outbox. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeaderView } from '../../../protocols/http-call.ts';
import { BodyCollector, firstReservation } from '../body-collector.ts';
import { originForm } from '../head-problem.ts';
import type { Outbox } from '../outbox.ts';
import { announcedBytes, NodeHeaders } from './head.ts';
import type { BodyProblem, HeaderList, WireExchange, WireReceiver } from '../wire.ts';

const EMPTY = new Uint8Array(0);
/** An unread body up to this size is read and dropped, so that the connection can be kept. */
const DROPPED_BODY_BYTES = 64 * 1024;
/** Replies from this size on are counted until they are written; a connection has few others. */
const LARGE_REPLY_BYTES = 64 * 1024;

/** What an exchange needs from its connection. */
export interface ExchangeHost {
  readonly outbox: Outbox;
  readonly isGone: boolean;
  remove(exchange: NodeExchange): void;
  mustCloseAfter(exchange: NodeExchange): boolean;
  closeAfterReply(): void;
  afterFlush(): void;
  reportBadReply(error: unknown): void;
  countUnsent(bytes: number): void;
}

type BodyState = 'none' | 'unread' | 'reading' | 'read';

export class NodeExchange implements WireExchange {
  readonly isGrpc = false;
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: HeaderView;
  readonly bodyBytes: number | undefined;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #connection: ExchangeHost;
  readonly #isWaitingForContinue: boolean;
  #receiver: WireReceiver | undefined;
  #bodyState: BodyState;
  #collector: BodyCollector | undefined;
  #isAnswered = false;
  #status = 0;
  #replyHeaders: HeaderList = [];
  #replyBody: Uint8Array | string = EMPTY;

  constructor(
    connection: ExchangeHost,
    request: IncomingMessage,
    response: ServerResponse,
    isWaitingForContinue: boolean,
  ) {
    const target = originForm(request.url ?? '/');
    const queryAt = target.indexOf('?');
    this.method = request.method ?? '';
    this.path = queryAt < 0 ? target : target.slice(0, queryAt);
    this.query = queryAt < 0 ? '' : target.slice(queryAt + 1);
    this.headers = new NodeHeaders(request.headers);
    this.bodyBytes = announcedBytes(request.headers);
    this.#connection = connection;
    this.#request = request;
    this.#response = response;
    this.#isWaitingForContinue = isWaitingForContinue;
    this.#bodyState = this.bodyBytes === 0 ? 'none' : 'unread';
  }

  get isReading(): boolean {
    return this.#bodyState === 'reading';
  }

  attach(receiver: WireReceiver): void {
    this.#receiver = receiver;
  }

  readBody(maxBytes: number): void {
    const receiver = this.#receiver;
    if (receiver === undefined) return;
    if (this.bodyBytes === 0) {
      receiver.bodyArrived(EMPTY);
      return;
    }
    const isTooLarge = this.bodyBytes !== undefined && this.bodyBytes > maxBytes;
    if (isTooLarge) receiver.bodyFailed('too-large');
    else if (!receiver.reserve(firstReservation(this.bodyBytes))) receiver.bodyFailed('over-budget');
    else this.#startReading(receiver, new BodyCollector(receiver, maxBytes, this.bodyBytes));
  }

  send(status: number, headers: HeaderList, body: Uint8Array | string): void {
    this.#isAnswered = true;
    this.#status = status;
    this.#replyHeaders = headers;
    this.#replyBody = body;
    this.#connection.outbox.add(this);
  }

  /** Writes the reply; called by the outbox at the end of the turn. */
  flush(): void {
    const connection = this.#connection;
    connection.remove(this);
    if (connection.isGone) return;
    const isUnread = this.#bodyState === 'unread' || this.#bodyState === 'reading';
    if (isUnread && !this.#canDropBody()) connection.closeAfterReply();
    this.#write(this.#status, this.#replyHeaders, this.#replyBody);
    this.#forget();
    connection.afterFlush();
  }

  /** Calls `fn` when the reply has gone to the operating system. */
  whenWritten(fn: () => void): void {
    if (this.#response.writableFinished) fn();
    else this.#response.once('finish', fn);
  }

  /** Bytes after the head were wrong or late. */
  failBody(problem: BodyProblem): void {
    if (this.#bodyState !== 'reading') return;
    this.#stopReading('unread');
    this.#receiver?.bodyFailed(problem);
  }

  /** The drain is over: a request without an answer gets its last one. */
  expire(): void {
    if (!this.#isAnswered) this.#receiver?.drainEnded();
  }

  /** The connection is closed. */
  end(): void {
    this.#stopReading('unread');
    if (!this.#isAnswered) this.#receiver?.gone();
  }

  #startReading(receiver: WireReceiver, collector: BodyCollector): void {
    this.#bodyState = 'reading';
    this.#collector = collector;
    if (this.#isWaitingForContinue) this.#response.writeContinue();
    this.#request.on('data', (piece: Buffer) => this.#take(receiver, piece));
    if (this.bodyBytes === undefined) this.#request.on('end', () => this.#finish(receiver));
  }

  #take(receiver: WireReceiver, piece: Buffer): void {
    const state = this.#collector?.keep(piece);
    if (state === undefined || state === 'more') return;
    if (state === 'complete') this.#finish(receiver);
    else this.failBody(state);
  }

  #finish(receiver: WireReceiver): void {
    if (this.#collector === undefined) return;
    const bytes = this.#collector.take();
    this.#stopReading('read');
    receiver.bodyArrived(bytes);
  }

  #stopReading(state: BodyState): void {
    if (this.#bodyState === 'reading') this.#bodyState = state;
    this.#collector = undefined;
  }

  /** A connection remembers its newest exchange; a silent one must not hold bodies. */
  #forget(): void {
    this.#replyHeaders = [];
    this.#replyBody = EMPTY;
    this.#receiver = undefined;
  }

  /** A small rest is cheaper to read than a new connection; node:http drops what nobody read after the reply. */
  #canDropBody(): boolean {
    const isSmall = this.bodyBytes !== undefined && this.bodyBytes <= DROPPED_BODY_BYTES;
    return isSmall && !this.#isWaitingForContinue;
  }

  #write(status: number, headers: HeaderList, body: Uint8Array | string): void {
    const sizeBytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const list = [...headers, 'content-length', String(sizeBytes)];
    if (this.#connection.mustCloseAfter(this)) list.push('connection', 'close');
    try {
      this.#response.writeHead(status, list);
    } catch (error) {
      this.#connection.reportBadReply(error);
      this.#response.writeHead(500, ['content-length', '0']);
      this.#response.end();
      return;
    }
    // As long in UTF-8 as in characters: ASCII, which node writes fastest as latin1, together with the head.
    if (typeof body === 'string' && sizeBytes === body.length) this.#response.end(body, 'latin1');
    else this.#response.end(body);
    if (sizeBytes < LARGE_REPLY_BYTES) return;
    this.#connection.countUnsent(sizeBytes);
    this.whenWritten(() => this.#connection.countUnsent(-sizeBytes));
  }
}
