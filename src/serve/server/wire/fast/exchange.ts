/** One request on the fast back-end, from its head to its reply. */
import { firstReservation } from '../body-collector.ts';
import type { HeaderView } from '../../../protocols/http-call.ts';
import type { HeaderList, WireExchange, WireReceiver } from '../wire.ts';
import type { RequestHead } from './head.ts';

export interface Reply {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array | string;
}

/** What an exchange needs from its connection. */
export interface ExchangeHost {
  readBody(exchange: FastExchange, receiver: WireReceiver, maxBytes: number): void;
  /** The exchange has its reply. */
  answered(): void;
}

const EMPTY = new Uint8Array(0);

export class FastExchange implements WireExchange {
  readonly isGrpc = false;
  readonly head: RequestHead;
  /** The client waits for `100 Continue` before it sends the body. */
  isContinueOwed = false;
  reply: Reply | undefined;
  readonly #host: ExchangeHost;
  #receiver: WireReceiver | undefined;

  constructor(host: ExchangeHost, head: RequestHead) {
    this.#host = host;
    this.head = head;
  }
  get method(): string {
    return this.head.method;
  }
  get path(): string {
    return this.head.path;
  }
  get query(): string {
    return this.head.query;
  }
  get headers(): HeaderView {
    return this.head.headers;
  }
  get bodyBytes(): number | undefined {
    return this.head.bodyBytes;
  }

  attach(receiver: WireReceiver): void {
    this.#receiver = receiver;
  }

  readBody(maxBytes: number): void {
    const receiver = this.#receiver;
    const { bodyBytes } = this.head;
    if (receiver === undefined) return;
    if (bodyBytes === 0) receiver.bodyArrived(EMPTY);
    else if (bodyBytes !== undefined && bodyBytes > maxBytes) receiver.bodyFailed('too-large');
    else if (!receiver.reserve(firstReservation(bodyBytes))) receiver.bodyFailed('over-budget');
    else this.#host.readBody(this, receiver, maxBytes);
  }

  send(status: number, headers: HeaderList, body: Uint8Array | string): void {
    this.reply = { status, headers, body };
    this.#host.answered();
  }

  /** The drain is over: a request without an answer gets its last one. */
  expire(): void {
    if (this.reply === undefined) this.#receiver?.drainEnded();
  }

  /** The connection is closed. */
  end(): void {
    if (this.reply === undefined) this.#receiver?.gone();
  }
}
