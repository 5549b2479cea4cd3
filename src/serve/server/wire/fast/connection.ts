/** One connection on the fast back-end: requests in, replies out in their order, and every way in which it can end. */
import type { Socket } from 'node:net';
import type { ReadTarget } from '../../../../core/read-into.ts';
import { linger } from '../connection-setting.ts';
import type { ConnectionSetting } from '../connection-setting.ts';
import type { DrainedConnection } from '../drain.ts';
import type { FoundProblem } from '../head-problem.ts';
import type { WireReceiver } from '../wire.ts';
import { FastExchange } from './exchange.ts';
import type { ExchangeHost } from './exchange.ts';
import type { RequestHead } from './head.ts';
import type { StartReading } from './read-socket.ts';
import type { ReplyHeads } from './reply-head.ts';
import { RequestReader } from './request-reader.ts';
import type { ReaderEvents } from './request-reader.ts';

/** An unread body up to this size is read and dropped, so that the connection can be kept. */
const DROPPED_BODY_BYTES = 64 * 1024;
/** Bytes of replies that wait for the client before no further request is taken from it. */
const WRITE_BACKLOG_BYTES = 1024 * 1024;
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
/** The first bytes of every HTTP/2 connection (RFC 9113 section 3.4); no HTTP/1.1 request begins so. */
const HTTP2_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
const EMPTY = Buffer.alloc(0);

/** What the connections of one listener share. */
export interface FastSetting extends ConnectionSetting {
  readonly replyHeads: ReplyHeads;
  readonly startReading: StartReading;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly maxPipelined: number;
  readonly headerTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Takes over a socket on which HTTP/2 is spoken; undefined: it is refused as any bytes that are no request. */
  readonly takeHttp2: ((socket: Socket, from?: FastConnection) => void) | undefined;
}

export class FastConnection implements ReadTarget, ReaderEvents, ExchangeHost, DrainedConnection {
  readonly #socket: Socket;
  readonly #setting: FastSetting;
  readonly #reader: RequestReader;
  /** Requests whose replies are not written, in their order. */
  readonly #open: FastExchange[] = [];
  #problem: FoundProblem | undefined;
  /** Since when a request is coming in; undefined: none is in part. */
  #arrivingSinceMs: number | undefined;
  /** How many requests had come when that one began. */
  #arrivedBefore = 0;
  #hasSpoken = false;
  /** It is not known yet whether HTTP/2 is spoken. */
  #isGreeting: boolean;
  #greeting = EMPTY;
  #hasClientEnded = false;
  #isLingering = false;
  #isInOutbox = false;
  /** Bytes of replies that are not with the operating system. */
  #unsentBytes = 0;

  constructor(accepted: Socket, setting: FastSetting) {
    this.#setting = setting;
    this.#isGreeting = setting.takeHttp2 !== undefined;
    this.#reader = new RequestReader(setting, this);
    this.#arrivingSinceMs = setting.clock.nowMs();
    this.#socket = setting.startReading(accepted, this);
    this.#listen();
  }

  /** Calls `fn` when the connection is closed. */
  onClose(fn: () => void): void {
    this.#socket.once('close', fn);
  }

  get isReady(): boolean {
    return (
      this.#open.length < this.#setting.maxPipelined && this.#socket.writableLength < WRITE_BACKLOG_BYTES
    );
  }

  nextBuffer(): Buffer | undefined {
    return this.#reader.nextBuffer();
  }

  received(bytes: Buffer): void {
    if (this.#isLingering) return;
    this.#hasSpoken = true;
    if (this.#isGreeting) return this.#greet(bytes);
    this.#reader.push(bytes);
    this.#afterReading();
  }

  head(head: RequestHead): void {
    const exchange = new FastExchange(this, head);
    this.#open.push(exchange);
    this.#setting.handler.request(exchange);
  }

  refused(problem: FoundProblem): void {
    this.#problem = problem;
    this.#flushLater();
  }

  readBody(exchange: FastExchange, receiver: WireReceiver, maxBytes: number): void {
    if (exchange.head.isWaitingForContinue) exchange.isContinueOwed = true;
    this.#sendContinue();
    this.#reader.readBody(receiver, maxBytes);
    if (this.#socket.isPaused()) this.#afterReading();
  }

  answered(): void {
    this.#flushLater();
  }

  /** Writes what is answered; called by the outbox at the end of the turn. */
  flush(): void {
    this.#isInOutbox = false;
    if (this.#socket.destroyed) return;
    this.#writeReplies();
    if (this.#countUnsent()) return this.destroy();
    if (this.#open.length > 0 && this.#hasClientEnded) this.destroy();
    else if (this.#open.length > 0) this.#sendContinue();
    else if (this.#problem !== undefined) this.#writeProblem(this.#problem);
    else if (this.#hasClientEnded) this.#endSoon();
    this.#goOn();
  }

  /** Looks for requests that are late; called now and then. */
  check(nowMs: number): void {
    const sinceMs = this.#arrivingSinceMs;
    if (sinceMs === undefined || this.#reader.isEnded) return;
    if (this.#reader.isReadingBody) {
      if (nowMs - sinceMs > this.#setting.bodyTimeoutMs) this.#reader.failBody('timeout');
    } else if (this.#reader.isDroppingBody) {
      if (nowMs - sinceMs > this.#setting.bodyTimeoutMs) this.#endSoon(); // it has its reply
    } else if (nowMs - sinceMs > this.#setting.headerTimeoutMs) this.#failHead();
  }

  closeIfIdle(): void {
    if (this.#open.length === 0 && !this.#reader.hasPartOfHead) this.#endSoon();
  }

  expire(): void {
    for (const exchange of this.#open) exchange.expire();
    this.flush();
    if (!this.#isLingering) this.#endSoon();
  }

  destroy(): void {
    this.#socket.destroy();
    this.#end();
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => this.#end());
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    socket.setTimeout(this.#setting.idleTimeoutMs);
    socket.on('timeout', this.#onSilence); // a callback of setTimeout is called once only
  }

  readonly #onEnd = (): void => {
    this.#hasClientEnded = true;
    // its last reply must move: Node does not tell of every write on TLS that failed
    this.#socket.setTimeout(Math.max(1, this.#setting.lingerMs));
    this.#flushLater();
  };

  readonly #onDrain = (): void => {
    this.#countUnsent();
    this.#goOn();
  };

  readonly #onSilence = (): void => {
    const isWaitingForClient = this.#open.length === 0 || this.#socket.writableLength > 0;
    if (isWaitingForClient) this.#socket.destroy();
  };

  /** Looks at the first bytes: HTTP/2 is handed over, everything else goes to the reader. */
  #greet(bytes: Buffer): void {
    const first = this.#greeting.length === 0 ? bytes : Buffer.concat([this.#greeting, bytes]);
    const known = Math.min(first.length, HTTP2_PREFACE.length);
    if (first.compare(HTTP2_PREFACE, 0, known, 0, known) !== 0) {
      this.#isGreeting = false;
      this.#greeting = EMPTY;
      this.#reader.push(first);
      this.#afterReading();
    } else if (known < HTTP2_PREFACE.length) this.#greeting = Buffer.from(first);
    else this.#handOver(Buffer.from(first));
  }

  /** Another one has the socket from now on; nobody calls this connection any more. */
  #handOver(first: Buffer): void {
    const socket = this.#socket;
    this.#isLingering = true; // what node:net still tells of the bytes is not for this connection
    this.#reader.end();
    this.#setting.backlog.change(this.#unsentBytes, 0);
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    socket.off('timeout', this.#onSilence);
    socket.setTimeout(0);
    socket.pause();
    socket.unshift(first);
    this.#setting.takeHttp2?.(socket, this);
  }

  #flushLater(): void {
    if (this.#isInOutbox) return;
    this.#isInOutbox = true;
    this.#setting.outbox.add(this);
  }

  /** Takes what was left while the connection had enough to do. */
  #goOn(): void {
    if (this.#isLingering) return;
    this.#reader.resume();
    this.#afterReading();
  }

  /** After every step of the reader: whether the socket waits, and since when a request is coming in. */
  #afterReading(): void {
    if (this.#reader.isBlocked) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
    const arrivedBefore = this.#reader.finishedRequests;
    const isAnotherOne = arrivedBefore !== this.#arrivedBefore;
    this.#arrivedBefore = arrivedBefore;
    const { isReadingBody, isDroppingBody, hasPartOfHead } = this.#reader;
    const isArriving = isReadingBody || isDroppingBody || hasPartOfHead;
    if (!isArriving) this.#arrivingSinceMs = undefined;
    else if (isAnotherOne || this.#arrivingSinceMs === undefined)
      this.#arrivingSinceMs = this.#setting.clock.nowMs();
  }

  #failHead(): void {
    this.#reader.end();
    if (this.#hasSpoken) this.refused({ problem: 'timeout', detail: 'the head is late' });
    else this.#socket.destroy();
  }

  /** Only the request whose turn it is: what comes before its reply would be taken for another one's. */
  #sendContinue(): void {
    const [first] = this.#open;
    if (first?.isContinueOwed !== true) return;
    first.isContinueOwed = false;
    this.#socket.write(CONTINUE, 'latin1');
  }

  #writeReplies(): void {
    let text = ''; // neighbouring texts leave as one write
    let isLast = false;
    for (let first = this.#open[0]; first?.reply !== undefined; first = this.#open[0]) {
      this.#open.shift();
      const { body } = first.reply;
      const isText = typeof body === 'string';
      const bodyBytes = isText ? Buffer.byteLength(body) : body.length;
      isLast = this.#isLast(first);
      const head = this.#setting.replyHeads.text(first.reply.status, first.reply.headers, bodyBytes, isLast);
      if (head === undefined) text += this.#badReply(isLast);
      else if (first.method === 'HEAD') text += head;
      else if (isText && bodyBytes === body.length) text += head + body; // ASCII
      else {
        this.#socket.write(text + head, 'latin1');
        this.#socket.write(body);
        text = '';
      }
    }
    if (text !== '') this.#socket.write(text, 'latin1');
    if (isLast) this.#close();
  }

  /** Counts what waits for the client. True when the server holds too much and this one must be cut off. */
  #countUnsent(): boolean {
    const before = this.#unsentBytes;
    this.#unsentBytes = this.#socket.writableLength;
    for (const { reply } of this.#open) this.#unsentBytes += reply?.body.length ?? 0;
    return this.#setting.backlog.change(before, this.#unsentBytes);
  }

  /** Only the newest request may announce the end, else replies behind it would be lost. */
  #isLast({ head }: FastExchange): boolean {
    if (this.#open.length > 0 || this.#problem !== undefined) return false;
    if (this.#reader.isBodyOpen) {
      const isSmall = head.bodyBytes !== undefined && head.bodyBytes <= DROPPED_BODY_BYTES;
      if (isSmall && head.isKeptAlive && !head.isWaitingForContinue) this.#reader.dropBody();
      else this.#reader.end();
    }
    return this.#setting.isDraining || this.#reader.isEnded;
  }

  #badReply(isLast: boolean): string {
    this.#setting.log('error', 'a reply had headers that HTTP does not allow');
    return this.#setting.replyHeads.text(500, [], 0, isLast) ?? '';
  }

  #writeProblem(found: FoundProblem): void {
    this.#problem = undefined;
    const { status, contentType, body } = this.#setting.handler.problem(found.problem, found.detail);
    const bytes = Buffer.from(body);
    this.#socket.write(
      this.#setting.replyHeads.text(status, ['content-type', contentType], bytes.length, true) ?? '',
    );
    this.#socket.write(bytes);
    this.#close();
  }

  /** The linger time begins when the client has the replies: a long one may take longer. */
  #close(): void {
    this.#reader.end();
    this.#isLingering = true;
    this.#socket.pause(); // a client that sends and does not read must not look alive
    this.#socket.once('finish', () => linger(this.#socket, this.#setting));
    this.#socket.end();
  }

  /** Ends after what is still being written; a request that comes now would have no reply. */
  #endSoon(): void {
    this.#reader.end();
    this.#socket.destroySoon();
  }

  /** The socket is closed: everything that is not answered is gone. */
  #end(): void {
    this.#reader.end();
    this.#setting.backlog.change(this.#unsentBytes, 0);
    this.#unsentBytes = 0;
    for (const exchange of this.#open.splice(0)) exchange.end();
  }
}
