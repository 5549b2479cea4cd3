/**
 * The client side of HTTP/2 (RFC 9113) as far as a load of equal unary gRPC calls needs it, on a plain socket: it costs far
 * less than any server that it measures, so that the server is what is busy. The headers of replies are not decoded: a call
 * is good when its message is the wanted one and its stream ends as it should.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';

const FRAME_HEAD_BYTES = 9;
const DEFAULT_WINDOW_BYTES = 65_535;
const DEFAULT_FRAME_BYTES = 16_384;
const LARGEST_WINDOW_BYTES = 2 ** 31 - 1;
const TYPE = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const FLAG = { endStream: 1, acknowledge: 1, endHeaders: 4 } as const;
const SETTING = { enablePush: 2, initialWindow: 4, frameBytes: 5 } as const;
/** A header that is added to the table of the connection: its name is entry N of the static table (RFC 7541 appendix A), or spelled out. */
const ADDED_HEADER = 0x40;
const STATIC_NAME = { authority: 1, path: 4, contentType: 31, userAgent: 58 } as const;
const POST_OVER_HTTP = [0x83, 0x86];
/** Entries of the table after the first call, the newest first: te, user-agent, content-type, :authority, :path. */
const ADDED_ENTRIES = [66, 65, 64, 63, 62];

/** A call without its end. */
interface Call {
  readonly ended: (reply: Buffer | undefined) => void;
  readonly pieces: Buffer[];
  /** Of the request. */
  sentBytes: number;
  windowBytes: number;
}

export class UnaryConnection {
  readonly #socket: Socket;
  readonly #message: Buffer;
  readonly #authority: string;
  readonly #path: string;
  readonly #calls = new Map<number, Call>();
  #nextStream = 1;
  #windowBytes = DEFAULT_WINDOW_BYTES;
  #streamWindowBytes = DEFAULT_WINDOW_BYTES;
  #frameBytes = DEFAULT_FRAME_BYTES;
  #unread: Buffer = Buffer.alloc(0);

  /** @param url with the path of the method @param message of each call, with the five bytes that go before it */
  constructor(url: URL, message: Buffer) {
    this.#message = message;
    this.#authority = url.host;
    this.#path = url.pathname;
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true });
    this.#socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#failAll());
    this.#socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    this.#socket.write(
      settingsFrame([
        [SETTING.enablePush, 0],
        [SETTING.initialWindow, LARGEST_WINDOW_BYTES],
      ]),
    );
    this.#socket.write(windowUpdateFrame(LARGEST_WINDOW_BYTES - DEFAULT_WINDOW_BYTES));
  }

  /** One call: its reply with the five bytes before it, or undefined when it failed. */
  call(ended: (reply: Buffer | undefined) => void): void {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const call: Call = { ended, pieces: [], sentBytes: 0, windowBytes: this.#streamWindowBytes };
    this.#calls.set(stream, call);
    const headers = Buffer.from(stream === 1 ? this.#firstHeaders() : laterHeaders());
    this.#socket.cork();
    this.#socket.write(frame(TYPE.headers, FLAG.endHeaders, stream, headers));
    this.#sendMessage(stream, call);
    this.#socket.uncork();
  }

  close(): void {
    this.#socket.destroy();
  }

  #firstHeaders(): readonly number[] {
    return [
      ...POST_OVER_HTTP,
      ...addedHeader(STATIC_NAME.path, this.#path),
      ...addedHeader(STATIC_NAME.authority, this.#authority),
      ...addedHeader(STATIC_NAME.contentType, 'application/grpc'),
      ...addedHeader(STATIC_NAME.userAgent, 'skylift-bench'),
      ADDED_HEADER,
      ...literal('te'),
      ...literal('trailers'),
    ];
  }

  /** As much of the message as the windows let through. */
  #sendMessage(stream: number, call: Call): void {
    while (call.sentBytes < this.#message.length) {
      const windowBytes = Math.min(this.#windowBytes, call.windowBytes, this.#frameBytes);
      if (windowBytes <= 0) return;
      const piece = this.#message.subarray(call.sentBytes, call.sentBytes + windowBytes);
      call.sentBytes += piece.length;
      call.windowBytes -= piece.length;
      this.#windowBytes -= piece.length;
      const isLast = call.sentBytes === this.#message.length;
      this.#socket.write(frame(TYPE.data, isLast ? FLAG.endStream : 0, stream, piece));
    }
  }

  #onData(bytes: Buffer): void {
    let unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    this.#socket.cork();
    while (unread.length >= FRAME_HEAD_BYTES) {
      const endAt = FRAME_HEAD_BYTES + unread.readUIntBE(0, 3);
      if (unread.length < endAt) break;
      const stream = unread.readUInt32BE(5) & 0x7f_ff_ff_ff;
      this.#onFrame(unread.readUInt16BE(3), stream, unread.subarray(FRAME_HEAD_BYTES, endAt));
      unread = unread.subarray(endAt);
    }
    this.#unread = unread;
    this.#socket.uncork();
  }

  /** @param kind type and flags */
  #onFrame(kind: number, stream: number, payload: Buffer): void {
    const type = kind >> 8;
    const flags = kind & 0xff;
    if (type === TYPE.data) this.#calls.get(stream)?.pieces.push(payload);
    if ((type === TYPE.data || type === TYPE.headers) && flags & FLAG.endStream) this.#end(stream);
    else if (type === TYPE.reset) this.#end(stream, true);
    else if (type === TYPE.goAway) this.close();
    else if (type === TYPE.windowUpdate) this.#onWindow(stream, payload.readUInt32BE(0));
    else if (type === TYPE.settings && !(flags & FLAG.acknowledge)) this.#onSettings(payload);
    else if (type === TYPE.ping && !(flags & FLAG.acknowledge))
      this.#socket.write(frame(TYPE.ping, FLAG.acknowledge, 0, payload));
  }

  #onSettings(payload: Buffer): void {
    for (let at = 0; at < payload.length; at += 6) {
      const [setting, value] = [payload.readUInt16BE(at), payload.readUInt32BE(at + 2)];
      if (setting === SETTING.frameBytes) this.#frameBytes = value;
      if (setting !== SETTING.initialWindow) continue;
      for (const call of this.#calls.values()) call.windowBytes += value - this.#streamWindowBytes;
      this.#streamWindowBytes = value;
    }
    this.#socket.write(frame(TYPE.settings, FLAG.acknowledge, 0, Buffer.alloc(0)));
    this.#sendWaiting();
  }

  #onWindow(stream: number, moreBytes: number): void {
    if (stream === 0) this.#windowBytes += moreBytes;
    const call = this.#calls.get(stream);
    if (call) call.windowBytes += moreBytes;
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    for (const [stream, call] of this.#calls) this.#sendMessage(stream, call);
  }

  #end(stream: number, isBroken = false): void {
    const call = this.#calls.get(stream);
    this.#calls.delete(stream);
    call?.ended(isBroken ? undefined : Buffer.concat(call.pieces));
  }

  #failAll(): void {
    for (const stream of this.#calls.keys()) this.#end(stream, true);
  }
}

function laterHeaders(): readonly number[] {
  return [...POST_OVER_HTTP, ...ADDED_ENTRIES.map((entry) => 0x80 | entry)];
}

function addedHeader(name: number, value: string): readonly number[] {
  return [ADDED_HEADER | name, ...literal(value)];
}

/** A string without Huffman coding, shorter than 127 bytes. */
function literal(text: string): readonly number[] {
  return [text.length, ...Buffer.from(text)];
}

function settingsFrame(settings: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(6 * settings.length);
  for (const [i, [setting, value]] of settings.entries()) {
    payload.writeUInt16BE(setting, 6 * i);
    payload.writeUInt32BE(value, 6 * i + 2);
  }
  return frame(TYPE.settings, 0, 0, payload);
}

function windowUpdateFrame(moreBytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(moreBytes);
  return frame(TYPE.windowUpdate, 0, 0, payload);
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  payload.copy(bytes, FRAME_HEAD_BYTES);
  return bytes;
}
