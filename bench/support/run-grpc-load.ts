/** Puts gRPC load on a server from a process of its own. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Contender } from './contenders.ts';
import type { Load, LoadResult } from './rounds.ts';

export interface GrpcLoadOptions extends GrpcLayout {
  /** With the path of the method. */
  readonly url: string;
  /** Of each request, base64. */
  readonly message: string;
  /** Bytes that every reply must have in it, base64. */
  readonly reply: string;
  readonly durationMs: number;
}

/** How many calls are open. */
export interface GrpcLayout {
  readonly connections: number;
  /** Of each connection. */
  readonly streams: number;
}

const PROGRAM = fileURLToPath(new URL('./grpc-load.ts', import.meta.url));
/** Beyond the length of the load; then it is ended. */
const GRACE_MS = 30_000;

/** A load of calls with `message` whose replies must have `replyOf` their contender in them. */
export function grpcLoad(
  layout: GrpcLayout,
  message: Uint8Array,
  replyOf: (contender: Contender) => Uint8Array,
): Load {
  return (contender, { durationMs }) =>
    runProgram({
      ...layout,
      url: contender.url,
      message: Buffer.from(message).toString('base64'),
      reply: Buffer.from(replyOf(contender)).toString('base64'),
      durationMs,
    });
}

async function runProgram(options: GrpcLoadOptions): Promise<LoadResult> {
  const child = spawn(process.execPath, [PROGRAM], {
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: options.durationMs + GRACE_MS,
  });
  child.stdin.on('error', () => {}); // the reply tells
  child.stdin.end(JSON.stringify(options));
  const report = await text(child.stdout);
  if (report === '') throw new Error('the gRPC load generator ended without a report');
  return JSON.parse(report) as LoadResult; // what our own program printed
}
