/**
 * Reads HTTP/1.1 replies from a connection with as little work as possible: status, length, body (RFC 9112). Knows
 * Content-Length, chunked and close-delimited bodies; refuses anything else rather than guess.
 */
import { SkyliftError } from '../core/errors.ts';
import { ChunkedBody } from './chunked-body.ts';

export interface Reply {
  readonly status: number;
  readonly body: Uint8Array;
  /** The server will not answer another request on this connection. */
  readonly mustClose: boolean;
}

interface Head {
  readonly status: number;
  readonly mustClose: boolean;
  readonly framing:
    | { readonly kind: 'length'; readonly bytes: number }
    | { readonly kind: 'chunked' | 'close' };
}

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_BODY_BYTES = 256 * 1024 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: .*)?$/;
const NOTHING = Buffer.alloc(0);

/** One connection's replies, one at a time; bytes arrive by `push`. Throws SKY_REMOTE for anything that is not HTTP. */
export class ReplyReader {
  #buffer: Buffer = NOTHING;
  /** Pieces of a long body, joined once when they are enough. */
  #pieces: Uint8Array[] = [];
  #piecesBytes = 0;
  #head: Head | undefined;
  #chunked: ChunkedBody | undefined;

  /** Adds bytes; the reply when it is whole. Bytes behind a whole reply are an error: nothing else was asked for. */
  push(bytes: Uint8Array): Reply | undefined {
    this.#pieces.push(bytes);
    this.#piecesBytes += bytes.length;
    const { framing } = this.#head ?? {};
    if (framing?.kind === 'length' && this.#buffer.length + this.#piecesBytes < framing.bytes)
      return undefined;
    this.#join();
    return this.#head || this.#readHead() ? this.#readBody() : undefined;
  }

  /** The connection ended: the reply that ends with it, or undefined when one is missing or cut off. */
  end(): Reply | undefined {
    this.#join();
    return this.#head?.framing.kind === 'close' ? this.#finish(this.#head, this.#buffer) : undefined;
  }

  #join(): void {
    const [first] = this.#pieces;
    if (first && this.#pieces.length === 1 && this.#buffer.length === 0) this.#buffer = viewOf(first);
    else if (first) this.#buffer = Buffer.concat([this.#buffer, ...this.#pieces]);
    this.#pieces = [];
    this.#piecesBytes = 0;
  }

  /** False while the end of the head is missing; interim replies (1xx) are passed over. */
  #readHead(): boolean {
    const end = this.#buffer.indexOf(HEAD_END);
    if (end === -1) {
      if (this.#buffer.length > MAX_HEAD_BYTES) throw noHttp(`a head of more than ${MAX_HEAD_BYTES} bytes`);
      return false;
    }
    const head = parseHead(this.#buffer.toString('latin1', 0, end));
    this.#buffer = this.#buffer.subarray(end + HEAD_END.length);
    if (head.status < 200) return this.#readHead();
    this.#head = head;
    this.#chunked = head.framing.kind === 'chunked' ? new ChunkedBody(MAX_BODY_BYTES) : undefined;
    return true;
  }

  #readBody(): Reply | undefined {
    const head = this.#head;
    if (!head) return undefined;
    if (this.#chunked) {
      const rest = this.#chunked.push(this.#buffer);
      this.#buffer = NOTHING;
      if (rest === undefined) return undefined;
      this.#buffer = viewOf(rest);
      return this.#finish(head, this.#chunked.body());
    }
    if (head.framing.kind !== 'length') {
      if (this.#buffer.length > MAX_BODY_BYTES) throw noHttp(`a body of more than ${MAX_BODY_BYTES} bytes`);
      return undefined;
    }
    const { bytes } = head.framing;
    if (this.#buffer.length < bytes) return undefined;
    const body = this.#buffer.subarray(0, bytes);
    this.#buffer = this.#buffer.subarray(bytes);
    return this.#finish(head, body);
  }

  #finish(head: Head, body: Uint8Array): Reply {
    const isClose = head.framing.kind === 'close';
    if (!isClose && this.#buffer.length > 0) throw noHttp(`${this.#buffer.length} bytes behind the reply`);
    this.#head = undefined;
    this.#chunked = undefined;
    this.#buffer = NOTHING;
    return { status: head.status, body, mustClose: head.mustClose || isClose };
  }
}

function parseHead(text: string): Head {
  const [statusLine = '', ...lines] = text.split('\r\n');
  const match = STATUS_LINE.exec(statusLine);
  if (!match) throw noHttp(`status line ${JSON.stringify(statusLine.slice(0, 80))}`);
  const status = Number(match[2]);
  const headers = new Map(lines.map(parseField));
  const connection = (headers.get('connection') ?? '').toLowerCase();
  const mustClose = match[1] === '0' ? connection !== 'keep-alive' : connection === 'close';
  return { status, mustClose, framing: framingOf(status, headers) };
}

function framingOf(status: number, headers: ReadonlyMap<string, string>): Head['framing'] {
  if (status < 200 || status === 204 || status === 304) return { kind: 'length', bytes: 0 };
  const encoding = headers.get('transfer-encoding');
  if (encoding !== undefined) {
    if (encoding.toLowerCase() !== 'chunked') throw noHttp(`transfer-encoding ${JSON.stringify(encoding)}`);
    return { kind: 'chunked' };
  }
  const length = headers.get('content-length');
  if (length === undefined) return { kind: 'close' };
  if (!/^\d{1,15}$/.test(length) || Number(length) > MAX_BODY_BYTES)
    throw noHttp(`content-length ${JSON.stringify(length.slice(0, 80))}`);
  return { kind: 'length', bytes: Number(length) };
}

function parseField(line: string): [string, string] {
  const colon = line.indexOf(':');
  if (colon <= 0) throw noHttp(`header line ${JSON.stringify(line.slice(0, 80))}`);
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function noHttp(what: string): SkyliftError {
  return new SkyliftError('SKY_REMOTE', `the reply is no HTTP/1.1 that is understood: ${what}`);
}
