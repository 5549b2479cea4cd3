/** The server that the contract of the gRPC wire talks to, and its client on node:http2. */
import { connect } from 'node:http2';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
} from 'node:http2';
import type { TestContext } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { SkyliftError } from '../../src/core/errors.ts';
import { resolveLimits } from '../../src/core/limits.ts';
import type { Limits } from '../../src/core/limits.ts';
import { noMetrics } from '../../src/core/metrics.ts';
import { ProtoWriter } from '../../src/core/proto-writer.ts';
import { grpcRoute, replyMessage } from '../../src/serve/protocols/grpc-call.ts';
import type { HttpCall, Route } from '../../src/serve/protocols/http-call.ts';
import type { AccessEntry } from '../../src/serve/server/access-log.ts';
import { createHttpServer } from '../../src/serve/server/http-server.ts';
import type { HttpServer } from '../../src/serve/server/http-server.ts';

/** Of one message. */
export const LIMIT_BYTES = 1000;

export interface Reply {
  /** HTTP status. */
  readonly http: number;
  /** grpc-status. */
  readonly code: string | undefined;
  readonly text: string;
  /** All bytes of the body. */
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

interface Fixture {
  readonly server: HttpServer;
  readonly session: ClientHttp2Session;
  readonly access: readonly AccessEntry[];
  readonly port: number;
  readonly call: (path: string, body: Uint8Array, headers?: OutgoingHttpHeaders) => Promise<Reply>;
  readonly open: (path: string, headers?: OutgoingHttpHeaders) => ClientHttp2Stream;
  /** The next call of `/t.T/Hold`. */
  readonly held: () => Promise<HttpCall>;
}

/** Routes over a server that speaks HTTP and gRPC on one port; ends with the test. */
export async function start(context: TestContext, overrides: Partial<Limits> = {}): Promise<Fixture> {
  const limits = { ...resolveLimits(), grpc_max_message_bytes: LIMIT_BYTES, ...overrides };
  const access: AccessEntry[] = [];
  const calls: HttpCall[] = [];
  const takers: ((call: HttpCall) => void)[] = [];
  const hold = (call: HttpCall): void => {
    const taker = takers.shift();
    if (taker) taker(call);
    else calls.push(call);
  };
  const server = createHttpServer({
    routes: routes(limits, hold),
    limits,
    clock: systemClock,
    log: () => {},
    metrics: noMetrics,
    accessLog: (entry) => access.push(entry),
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {}); // some tests end it
  context.after(async () => {
    session.destroy();
    await server.close();
  });
  const open = (path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream =>
    session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      ...headers,
    });
  return {
    server,
    session,
    access,
    port,
    open,
    call(path, body, headers) {
      const stream = open(path, headers);
      stream.end(body);
      return replyOf(stream);
    },
    held() {
      const call = calls.shift();
      return call ? Promise.resolve(call) : new Promise((resolve) => takers.push(resolve));
    },
  };
}

function routes(limits: Limits, hold: (call: HttpCall) => void): readonly Route[] {
  const common = { protocol: 'skylift', permission: 'public', plane: 'data', summary: '' } as const;
  const method = (name: string, handle: (call: HttpCall) => void): Route =>
    grpcRoute({ ...common, path: `/t.T/${name}`, handle }, limits);
  const stream = (name: string, handle: (call: HttpCall) => void): Route => ({
    ...method(name, handle),
    isStream: true,
  });
  return [
    method('Echo', (call) => replyMessage(call, echoWriter(call))),
    method('Hold', hold),
    stream('EchoStream', (call) => {
      if (call.body.length > 0) replyMessage(call, echoWriter(call));
      else throw new SkyliftError('SKY_REQUEST_INVALID', 'nothing to echo');
    }),
    stream('HoldStream', hold),
    method('Big', (call) => replyMessage(call, new ProtoWriter().bytes(1, Buffer.alloc(8 * 1024 * 1024)))),
    method('Throw', () => {
      throw new Error('secret of the handler');
    }),
    method('Fail', () => {
      throw new SkyliftError('SKY_OVERLOADED', `full: ${'ü'.repeat(2000)} `);
    }),
    {
      ...common,
      method: 'POST',
      pattern: '/plain',
      match: /^\/plain$/,
      maxBodyBytes: 100,
      handle: (call) => call.reply(200, 'text/plain', 'plain'),
    },
  ];
}

/** The message of a call as a field of bytes. */
export function echoWriter(call: HttpCall): ProtoWriter {
  return new ProtoWriter().bytes(1, call.body);
}

/** What comes back on a stream until it closes. */
export async function replyOf(stream: ClientHttp2Stream): Promise<Reply> {
  const pieces: Buffer[] = [];
  const all: Record<string, string> = {};
  const keep = (fields: IncomingHttpHeaders): void => {
    for (const [name, value] of Object.entries(fields)) all[name] = value?.toString() ?? '';
  };
  stream.on('response', keep);
  stream.on('trailers', keep);
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  stream.on('error', () => {});
  if (!stream.closed) await closeOf(stream);
  return {
    http: Number(all[':status'] ?? 0),
    code: all['grpc-status'],
    text: decodeURIComponent(all['grpc-message'] ?? ''),
    bytes: Buffer.concat(pieces),
    headers: all,
  };
}

/** With or without an error. */
export function closeOf(emitter: ClientHttp2Session | ClientHttp2Stream): Promise<void> {
  return new Promise((resolve) => emitter.once('close', () => resolve()));
}

/** A message with its prefix. */
export function framed(message: Uint8Array, flag = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
