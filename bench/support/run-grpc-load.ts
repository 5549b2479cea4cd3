/** Puts gRPC load on a server from a process of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Load, LoadResult } from './rounds.ts';

export interface GrpcLoadOptions {
  /** With the path of the method. */
  readonly url: string;
  /** Of each request, base64. */
  readonly message: string;
  /** Bytes that every reply must have, base64. */
  readonly reply: string;
  readonly connections: number;
  readonly durationMs: number;
}

export type GrpcLoadReport = LoadResult;

const PROGRAM = fileURLToPath(new URL('./grpc-load.ts', import.meta.url));

/** A load of calls with `message` whose replies must have `reply` in them. */
export function grpcLoad(message: Uint8Array, reply: Uint8Array): Load {
  return async ({ url }, { connections, durationMs }) => {
    const options: GrpcLoadOptions = {
      url,
      message: Buffer.from(message).toString('base64'),
      reply: Buffer.from(reply).toString('base64'),
      connections,
      durationMs,
    };
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, JSON.stringify(options)]);
    return JSON.parse(stdout) as GrpcLoadReport; // what our own program printed
  };
}
