/** One client: sends a request, waits for its end, sends the next that is due; opens a new connection when it must. */
import { connect, isIP } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { EndedRequest } from './load-recorder.ts';
import type { RequestEnd } from './load-types.ts';
import type { Reply } from './reply-reader.ts';
import { ReplyReader } from './reply-reader.ts';
import type { RequestTarget } from './request-bytes.ts';

/** Who wants to know how the next request ends; `wait`: none is due, `issue` is called later; undefined: the last was issued. */
export type NextRequest = ((ended: EndedRequest) => void) | 'wait' | undefined;

export interface LoadConnectionOptions {
  readonly target: RequestTarget;
  readonly check: (reply: Reply) => RequestEnd;
  /** Asked before each request. */
  readonly next: () => NextRequest;
  /** Called once, when no more is to be issued. */
  readonly onDone: () => void;
}

interface InFlight {
  readonly startedAtMs: number;
  readonly tell: (ended: EndedRequest) => void;
}

/** Pause after a failed connection, so that a dead server is not hammered. */
const PAUSE_AFTER_REFUSAL_MS = 20;

export class LoadConnection {
  readonly #options: LoadConnectionOptions;
  #socket: Socket | undefined;
  #reader = new ReplyReader();
  #inFlight: InFlight | undefined;

  constructor(options: LoadConnectionOptions) {
    this.#options = options;
  }

  /** Issues the next request, or ends. */
  issue(): void {
    const tell = this.#options.next();
    if (tell === 'wait') return;
    if (!tell) {
      this.#drop();
      this.#options.onDone();
      return;
    }
    this.#inFlight = { startedAtMs: performance.now(), tell };
    this.#socket ??= this.#open();
    this.#socket.write(this.#options.target.bytes);
  }

  /** Ends the request in flight when it was issued before `issuedBeforeMs`. */
  expire(issuedBeforeMs: number): void {
    if (!this.#inFlight || this.#inFlight.startedAtMs >= issuedBeforeMs) return;
    this.#drop();
    this.#ended('deadline', 0);
  }

  #open(): Socket {
    const { isTls } = this.#options.target;
    const socket = isTls ? openTls(this.#options.target) : connect(placeOf(this.#options.target));
    let isConnected = false;
    this.#reader = new ReplyReader();
    const whileOwn =
      <A extends unknown[]>(fn: (...args: A) => void) =>
      (...args: A): void => {
        if (this.#socket === socket) fn(...args);
      };
    socket.on(isTls ? 'secureConnect' : 'connect', () => void (isConnected = true));
    socket.on(
      'data',
      whileOwn((bytes: Buffer) => this.#onData(bytes)),
    );
    socket.on(
      'end',
      whileOwn(() => this.#onClosed('the server closed the connection', 'lost')),
    );
    socket.on(
      'error',
      whileOwn((error: NodeJS.ErrnoException) =>
        this.#onClosed(error.code ?? error.message, isConnected ? 'lost' : 'refused'),
      ),
    );
    return socket;
  }

  #onData(bytes: Buffer): void {
    try {
      const reply = this.#reader.push(bytes);
      if (reply) this.#onReply(reply);
    } catch (error) {
      this.#drop();
      this.#ended('protocol', 0, error instanceof Error ? error.message : String(error));
    }
  }

  #onReply(reply: Reply): void {
    if (!this.#inFlight) return this.#drop();
    if (reply.mustClose) this.#drop();
    const end = this.#options.check(reply);
    this.#ended(end, reply.status, end === 'ok' ? undefined : describe(end, reply));
  }

  #onClosed(message: string, end: 'lost' | 'refused'): void {
    const reply = end === 'lost' ? this.#reader.end() : undefined;
    this.#drop();
    if (!this.#inFlight) return;
    if (reply) this.#onReply(reply);
    else this.#ended(end, 0, message);
  }

  #ended(end: RequestEnd, status: number, message?: string): void {
    const ended = this.#inFlight;
    if (!ended) return;
    this.#inFlight = undefined;
    ended.tell({ startedAtMs: ended.startedAtMs, endedAtMs: performance.now(), end, status, message });
    if (end === 'refused') setTimeout(() => this.issue(), PAUSE_AFTER_REFUSAL_MS);
    else this.issue();
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }
}

function placeOf({ host, port }: RequestTarget): { host: string; port: number; noDelay: boolean } {
  return { host, port, noDelay: true };
}

function openTls(target: RequestTarget): Socket {
  const { host, ca } = target;
  const names = isIP(host) === 0 ? { servername: host } : {}; // an address is no name (RFC 6066 section 3)
  return connectTls({
    ...placeOf(target),
    ...names,
    ...(ca !== undefined && { ca }),
    ALPNProtocols: ['http/1.1'],
  });
}

const MAX_EXCERPT_CHARS = 160;

function describe(end: RequestEnd, reply: Reply): string {
  const text = Buffer.from(reply.body.buffer, reply.body.byteOffset, reply.body.byteLength).toString(
    'utf8',
    0,
    MAX_EXCERPT_CHARS,
  );
  return `${end === 'status' ? `HTTP ${reply.status}` : 'unexpected body'}: ${text}`;
}
