/**
 * A closed loop of gRPC calls in a process of its own: each connection has one call open. Argument: GrpcLoadOptions as JSON;
 * prints GrpcLoadReport. Works on node:http2 directly, so that it costs less than what it measures.
 */
import { connect } from 'node:http2';
import type { ClientHttp2Session } from 'node:http2';
import { percentile } from '../../src/bench/statistics.ts';
import type { GrpcLoadOptions, GrpcLoadReport } from './run-grpc-load.ts';

const options: GrpcLoadOptions = JSON.parse(process.argv[2] ?? '{}');
const body = Buffer.from(options.message, 'base64');
const wanted = Buffer.from(options.reply, 'base64');
const framed = Buffer.alloc(5 + body.length);
framed.writeUInt32BE(body.length, 1);
framed.set(body, 5);
const { origin, pathname } = new URL(options.url);
const latencies: number[] = [];
let failed = 0;

function call(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => {
    const startMs = performance.now();
    const stream = session.request({
      ':method': 'POST',
      ':path': pathname,
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    const pieces: Buffer[] = [];
    let status = '';
    stream.on('data', (piece: Buffer) => pieces.push(piece));
    stream.on('trailers', (trailers) => (status = String(trailers['grpc-status'])));
    stream.on('error', () => {});
    stream.on('close', () => {
      latencies.push(performance.now() - startMs);
      const isGood = status === '0' && Buffer.concat(pieces).subarray(5).includes(wanted);
      if (!isGood) failed++;
      resolve();
    });
    stream.end(framed);
  });
}

async function loop(endMs: number): Promise<void> {
  const session = connect(origin);
  session.on('error', () => failed++);
  while (performance.now() < endMs && !session.destroyed) await call(session);
  session.close();
}

const startMs = performance.now();
await Promise.all(Array.from({ length: options.connections }, () => loop(startMs + options.durationMs)));
const seconds = (performance.now() - startMs) / 1000;
const report: GrpcLoadReport = {
  requests: latencies.length,
  failed,
  requestsPerSecond: (latencies.length - failed) / seconds,
  latencyMs: {
    p50: percentile(
      latencies.toSorted((a, b) => a - b),
      50,
    ),
  },
};
console.log(JSON.stringify(report));
