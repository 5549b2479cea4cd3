/**
 * Fuzzing of gRPC against a whole server: mutated messages and frames in calls, mutated bytes of whole connections. Every
 * call must end in a status other than INTERNAL and UNKNOWN, and the server must answer afterwards.
 */
import { NO_CONTROL } from '../test/conformance/fake-server.ts';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { connect, createServer } from 'node:net';
import { systemClock } from '../src/core/clock.ts';
import { resolveLimits } from '../src/core/limits.ts';
import { silentLog } from '../src/core/log.ts';
import { noMetrics } from '../src/core/metrics.ts';
import { ProtoWriter } from '../src/core/proto-writer.ts';
import { seededRng } from '../src/core/random.ts';
import type { Rng } from '../src/core/random.ts';
import { oipGrpcRoutes } from '../src/serve/protocols/oip/grpc/routes.ts';
import { tfservingGrpcRoutes } from '../src/serve/protocols/tfserving/grpc/routes.ts';
import { createHttpServer } from '../src/serve/server/http-server.ts';
import { conformanceRuntime } from '../test/conformance/models.ts';
import { pick } from './support/pick.ts';
import { mutate } from './support/mutate.ts';

export interface GrpcFuzzReport {
  readonly inputs: number;
  /** How many calls ended with each status. */
  readonly statuses: Readonly<Record<string, number>>;
  readonly connections: number;
  readonly defects: readonly string[];
}

const MAX_DEFECTS = 10;
/** Every so many calls a whole connection is damaged. */
const CONNECTION_EVERY = 10;
const CALL_LIMIT_MS = 5000;
const DEFECT_STATUSES = new Set(['2', '13', 'none', 'hang']);
const PREDICT = '/tensorflow.serving.PredictionService/Predict';
const INFER = '/inference.GRPCInferenceService/ModelInfer';
const STREAM_INFER = '/inference.GRPCInferenceService/ModelStreamInfer';
const METADATA = '/tensorflow.serving.PredictionService/GetModelMetadata';
const DT_FLOAT = 1;
const DT_STRING = 7;

/** Same seed, same inputs. */
export async function fuzzGrpc(options: { seed: number; inputs: number }): Promise<GrpcFuzzReport> {
  const rng = seededRng(options.seed).fork('grpc');
  const server = fuzzServer();
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const statuses: Record<string, number> = {};
  const defects: string[] = [];
  let connections = 0;
  const recorded = await recordConnection();
  let session = openSession(port);
  try {
    for (let i = 0; i < options.inputs && defects.length < MAX_DEFECTS; i++) {
      if (i % CONNECTION_EVERY === 0) {
        connections++;
        await sendRaw(port, mutate([recorded], rng));
      }
      if (session.destroyed || session.closed) session = openSession(port);
      const { path, message: good } = pick(SEEDS, rng) ?? SEED;
      const message = rng.u32() % 2 === 0 ? mutate([good, ...MESSAGES], rng) : withByteChanged(good, rng);
      const bytes = rng.u32() % 4 === 0 ? mutate([framed(message)], rng) : framed(message);
      const status = await callStatus(session, rng.u32() % 8 === 0 ? METADATA : path, bytes);
      statuses[status] = (statuses[status] ?? 0) + 1;
      if (DEFECT_STATUSES.has(status)) defects.push(`${status}: ${bytes.toString('base64')}`);
    }
  } finally {
    session.destroy();
    await server.close();
  }
  return { inputs: options.inputs, statuses, connections, defects };
}

function fuzzServer(): ReturnType<typeof createHttpServer> {
  const runtime = conformanceRuntime();
  const submit = runtime.submit.bind(runtime);
  runtime.submit = (request, sink) => {
    setImmediate(() => runtime.flush());
    return submit(request, sink);
  };
  const limits = resolveLimits();
  const context = { runtime, control: NO_CONTROL, clock: systemClock, limits };
  return createHttpServer({
    routes: [
      ...tfservingGrpcRoutes(context, { tensorContent: false }),
      ...oipGrpcRoutes(context, () => true),
    ],
    limits,
    clock: systemClock,
    log: silentLog,
    metrics: noMetrics,
  });
}

function openSession(port: number): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  return session;
}

/** grpc-status of one call; 'none' without one, 'hang' when it does not end. */
function callStatus(session: ClientHttp2Session, path: string, bytes: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    let status = 'none';
    const timer = setTimeout(() => {
      status = 'hang';
      stream.destroy();
    }, CALL_LIMIT_MS);
    stream.on('response', (headers) => (status = headers['grpc-status']?.toString() ?? status));
    stream.on('trailers', (trailers) => (status = trailers['grpc-status']?.toString() ?? status));
    stream.on('error', () => {});
    stream.on('close', () => {
      clearTimeout(timer);
      resolve(status);
    });
    stream.resume();
    stream.end(bytes);
  });
}

/** What a client sends in a connection with one good call. */
async function recordConnection(): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const recorder = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (piece) => pieces.push(piece));
  }).listen(0, '127.0.0.1');
  await once(recorder, 'listening');
  const address = recorder.address();
  const session = openSession(typeof address === 'object' && address !== null ? address.port : 0);
  const stream = session.request({ ':method': 'POST', ':path': PREDICT, 'content-type': 'application/grpc' });
  stream.on('error', () => {});
  stream.end(framed(SEED.message));
  while (Buffer.concat(pieces).length < SEED.message.length + 100)
    await new Promise((resolve) => setTimeout(resolve, 5));
  session.destroy();
  recorder.close();
  return Buffer.concat(pieces);
}

/** Sends the bytes on a connection of their own, ends it, and waits until the server has, too. */
async function sendRaw(port: number, bytes: Uint8Array): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.resume();
  socket.end(bytes);
  await closed;
}

function withByteChanged(message: Buffer, rng: Rng): Buffer {
  const changed = Buffer.from(message);
  changed[rng.u32() % changed.length] = rng.u32() % 256;
  return changed;
}

function framed(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const FLOATS = Buffer.from(Float32Array.of(1, 2, 5).buffer);

function predictMessage(model: string, values: (writer: ProtoWriter) => void): Buffer {
  const writer = new ProtoWriter();
  writer.message(1, () => writer.string(1, model));
  writer.message(2, () =>
    writer.string(1, 'x').message(2, () => {
      writer
        .integer(1, model === 'echo_string' ? DT_STRING : DT_FLOAT)
        .message(2, () => writer.message(2, () => writer.integer(1, 3)));
      values(writer);
    }),
  );
  writer.string(3, 'y');
  return Buffer.from(writer.finish());
}

function inferMessage(isRaw: boolean): Buffer {
  const writer = new ProtoWriter().string(1, 'half_plus_two').string(3, 'id');
  writer.message(4, () => writer.string(1, 'timeout').message(2, () => writer.integer(2, 9_000_000)));
  writer.message(5, () => {
    writer
      .string(1, 'x')
      .string(2, 'FP32')
      .message(3, () => writer.rawInteger(3));
    if (!isRaw) writer.message(5, () => writer.bytes(6, FLOATS));
  });
  writer.message(6, () => writer.string(1, 'y'));
  if (isRaw) writer.bytes(7, FLOATS);
  return Buffer.from(writer.finish());
}

const SEED = { path: PREDICT, message: predictMessage('half_plus_two', (writer) => writer.bytes(5, FLOATS)) };
const SEEDS = [
  SEED,
  { path: PREDICT, message: predictMessage('half_plus_two', (writer) => writer.bytes(4, FLOATS)) },
  { path: PREDICT, message: predictMessage('half_plus_two', (writer) => writer.float(5, 1).float(5, 2)) },
  {
    path: PREDICT,
    message: predictMessage('echo_string', (writer) => writer.string(8, 'a').string(8, 'bc')),
  },
  { path: INFER, message: inferMessage(true) },
  { path: INFER, message: inferMessage(false) },
  { path: STREAM_INFER, message: inferMessage(true) },
];
const MESSAGES = SEEDS.map(({ message }) => message);
