/** A closed loop of gRPC calls in a process of its own. GrpcLoadOptions come as JSON on stdin; prints a LoadResult. */
import { text } from 'node:stream/consumers';
import { percentile } from '../../src/bench/statistics.ts';
import type { LoadResult } from './rounds.ts';
import type { GrpcLoadOptions } from './run-grpc-load.ts';
import { UnaryConnection } from './unary-connection.ts';

const options = JSON.parse(await text(process.stdin)) as GrpcLoadOptions; // of run-grpc-load.ts
const message = Buffer.from(options.message, 'base64');
const wanted = Buffer.from(options.reply, 'base64');
const framed = Buffer.alloc(5 + message.length);
framed.writeUInt32BE(message.length, 1);
framed.set(message, 5);
const latencies: number[] = [];
const errors: Record<string, number> = {};
let failed = 0;

/** Calls one after the other until `endMs`, or until one fails. */
function loop(connection: UnaryConnection, endMs: number): Promise<void> {
  return new Promise((resolve) => {
    const next = (): void => {
      const startMs = performance.now();
      if (startMs >= endMs) return resolve();
      connection.call((reply) => {
        latencies.push(performance.now() - startMs);
        if (reply?.subarray(5).includes(wanted)) return next();
        fail(reply);
        resolve();
      });
    };
    next();
  });
}

function fail(reply: Buffer | undefined): void {
  failed++;
  const error = reply ? `unexpected message of ${reply.length} bytes` : 'the call was broken off';
  errors[error] = (errors[error] ?? 0) + 1;
}

async function connection(endMs: number): Promise<void> {
  const opened = new UnaryConnection(new URL(options.url), framed);
  await Promise.all(Array.from({ length: options.streams }, () => loop(opened, endMs)));
  opened.close();
}

const startMs = performance.now();
await Promise.all(
  Array.from({ length: options.connections }, () => connection(startMs + options.durationMs)),
);
const seconds = (performance.now() - startMs) / 1000;
const result: LoadResult = {
  requests: latencies.length,
  failed,
  errors,
  requestsPerSecond: (latencies.length - failed) / seconds,
  latencyMs: { p50: percentile(latencies, 50) },
};
console.log(JSON.stringify(result));
