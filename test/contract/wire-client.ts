/** A client of raw sockets for the wire contract: sends any bytes, reads replies one by one, sees how the connection ends. */
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { BoundAddress } from '../../src/serve/server/wire/wire.ts';

export interface RawReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The header lines as they came. */
  readonly lines: readonly string[];
  readonly body: string;
}

export class RawClient {
  readonly socket: Socket;
  /** What TLS runs on, else the same. */
  readonly #transport: Socket;
  /** Resolves when the connection is closed, with or without a reset. */
  readonly closed: Promise<void>;
  /** Resolves when the server has ended its side. */
  readonly ended: Promise<void>;
  #text = '';
  #wantedLength = 0; // of the text; long replies are not searched again and again
  #isClosed = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket, transport: Socket) {
    this.socket = socket;
    this.#transport = transport;
    this.ended = new Promise((resolve) => socket.once('end', () => resolve()));
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => {}); // a reset is one of the ends that tests look at
    socket.on('data', (piece: Buffer) => {
      this.#text += piece.toString('latin1');
      this.#wake();
    });
    socket.once('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
  }

  /** @param ca speaks TLS with a server whose certificate it has signed */
  static async open({ host, port }: BoundAddress, ca?: string): Promise<RawClient> {
    const transport = connect({ host, port, allowHalfOpen: true, noDelay: true });
    await once(transport, 'connect');
    if (ca === undefined) return new RawClient(transport, transport);
    const socket = connectTls({ socket: transport, ca, servername: 'localhost' });
    const client = new RawClient(socket, transport);
    const secured = new Promise((resolve) => socket.once('secureConnect', resolve));
    await Promise.race([secured, client.closed]); // it may be refused
    return client;
  }

  /** Everything received that is not part of a reply read before. */
  get unread(): string {
    return this.#text;
  }

  send(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Sends a request with the usual headers; `headers` are raw lines. */
  request(method: string, path: string, body?: string, headers: readonly string[] = []): void {
    const length = body === undefined ? [] : [`content-length: ${Buffer.byteLength(body, 'latin1')}`];
    const lines = [`${method} ${path} HTTP/1.1`, 'host: test', ...length, ...headers];
    this.send(`${lines.join('\r\n')}\r\n\r\n${body ?? ''}`);
  }

  /** The next reply. Rejects when the connection ends before it is whole. @param options.isHead no body follows */
  async reply(options: { isHead?: boolean } = {}): Promise<RawReply> {
    for (;;) {
      const reply = this.#takeReply(options.isHead === true);
      if (reply !== undefined) return reply;
      if (this.#isClosed) throw new Error(`the connection ended after ${JSON.stringify(this.#text)}`);
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Vanishes without a goodbye. */
  reset(): void {
    this.#transport.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  #takeReply(isHead: boolean): RawReply | undefined {
    if (this.#text.length < this.#wantedLength) return undefined;
    const headEnd = this.#text.indexOf('\r\n\r\n');
    if (headEnd < 0) return undefined;
    const [statusLine = '', ...lines] = this.#text.slice(0, headEnd).split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const status = Number(statusLine.split(' ')[1]);
    const hasBody = !isHead && status >= 200;
    const end = headEnd + 4 + (hasBody ? Number(headers['content-length'] ?? 0) : 0);
    this.#wantedLength = end;
    if (this.#text.length < end) return undefined;
    this.#wantedLength = 0;
    const body = this.#text.slice(headEnd + 4, end);
    this.#text = this.#text.slice(end);
    return { status, headers, lines, body };
  }
}
