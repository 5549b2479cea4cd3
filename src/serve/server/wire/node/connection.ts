/** One connection on node:http: which exchanges are open on it, what to do with bytes that are no request, how to close. */
import type { Socket } from 'node:net';
import { STATUS_CODES } from 'node:http';
import { linger } from '../connection-setting.ts';
import type { ConnectionSetting } from '../connection-setting.ts';
import type { FoundProblem } from '../head-problem.ts';
import type { Outbox } from '../outbox.ts';
import type { ExchangeHost, NodeExchange } from './exchange.ts';
import type { HeadProblem } from '../wire.ts';

export class NodeConnection implements ExchangeHost {
  readonly #socket: Socket;
  readonly #setting: ConnectionSetting;
  readonly #open = new Set<NodeExchange>();
  #newest: NodeExchange | undefined;
  #isRefusing = false;
  #isEnding = false;
  #problem: FoundProblem | undefined;
  /** Bytes of large replies that are not with the operating system. */
  #unsentBytes = 0;
  #isOver = false;

  constructor(socket: Socket, setting: ConnectionSetting) {
    this.#socket = socket;
    this.#setting = setting;
  }

  get outbox(): Outbox {
    return this.#setting.outbox;
  }

  get isGone(): boolean {
    return this.#socket.destroyed;
  }

  /** True when no further request is taken from this connection. */
  get isRefusing(): boolean {
    return this.#isRefusing;
  }

  /** Nothing is asked, or a reply waits for a client that does not read. */
  get isWaitingForClient(): boolean {
    return this.#open.size === 0 || this.#socket.writableLength > 0;
  }

  add(exchange: NodeExchange): void {
    this.#open.add(exchange);
    this.#newest = exchange;
  }

  remove(exchange: NodeExchange): void {
    this.#open.delete(exchange);
  }

  /** Only the newest request may announce the end, else replies behind it would be lost. */
  mustCloseAfter(exchange: NodeExchange): boolean {
    return (this.#isEnding || this.#setting.isDraining) && exchange === this.#newest;
  }

  /** The client still sends: reply, end our side, and drop its bytes for a while, so that no reset overtakes the reply. */
  closeAfterReply(): void {
    this.#isRefusing = true;
    this.#isEnding = true;
    this.#socket.destroySoon = () => linger(this.#socket, this.#setting);
  }

  /** Bytes that are no request, or that came too late. Requests before them are answered first. */
  fail(problem: HeadProblem, detail: string): void {
    if (this.#isRefusing) return;
    this.#isRefusing = true;
    if (this.#newest?.isReading === true) {
      this.closeAfterReply();
      this.#newest.failBody(problem === 'timeout' ? 'timeout' : 'malformed');
      return;
    }
    this.#problem = { problem, detail };
    this.afterFlush();
  }

  /** Called after each reply: the answer to a problem comes last. */
  afterFlush(): void {
    if (this.#problem === undefined || this.#open.size > 0) return;
    this.#afterWrites(() => this.#replyToProblem());
  }

  /** So many bytes of replies wait more, or less. The client is cut off when the server holds too much. */
  countUnsent(bytes: number): void {
    if (this.#isOver) return;
    const before = this.#unsentBytes;
    this.#unsentBytes += bytes;
    if (this.#setting.backlog.change(before, this.#unsentBytes)) this.destroy();
  }

  reportBadReply(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#setting.log('error', 'a reply had headers that HTTP does not allow', { reason });
  }

  /** The socket is closed: everything that is not answered is gone. */
  end(): void {
    this.countUnsent(-this.#unsentBytes);
    this.#isOver = true;
    const open = [...this.#open];
    this.#open.clear();
    for (const exchange of open) exchange.end();
  }

  /** Ends the connection when no request is open, after what is still being written. */
  closeIfIdle(): void {
    if (this.#open.size === 0) this.#afterWrites(() => this.#socket.destroySoon());
  }

  /** The drain is over: what is open is answered now, then the connection ends. */
  expire(): void {
    for (const exchange of this.#open) exchange.expire();
    this.#setting.outbox.flush();
    this.#afterWrites(() => this.#socket.destroySoon());
  }

  /** Ends the connection now; what is open is told before this returns. */
  destroy(): void {
    this.#socket.destroy();
    this.end();
  }

  #afterWrites(fn: () => void): void {
    if (this.#newest === undefined) fn();
    else this.#newest.whenWritten(fn);
  }

  #replyToProblem(): void {
    const pending = this.#problem;
    this.#problem = undefined;
    if (pending === undefined) return;
    const reply = this.#setting.handler.problem(pending.problem, pending.detail);
    this.#socket.write(
      `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status] ?? ''}\r\n` +
        `content-type: ${reply.contentType}\r\ncontent-length: ${Buffer.byteLength(reply.body)}\r\n` +
        `connection: close\r\n\r\n${reply.body}`,
    );
    linger(this.#socket, this.#setting);
  }
}
