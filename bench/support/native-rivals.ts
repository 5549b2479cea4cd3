/** Rivals that are not JavaScript: built by their build.sh, or a program of the machine. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cached } from './cache.ts';
import { freePort, startListening, startPrinting } from './contenders.ts';
import type { Contender } from './contenders.ts';

const PROTOS = fileURLToPath(new URL('../../protos', import.meta.url));
const BUILD_MS = 300_000;
/** Where Linux distributions and Go's own installer put programs that are not always in PATH. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/usr/local/go/bin'];
const PATH = [...(process.env['PATH'] ?? '').split(delimiter), ...MORE_FOLDERS];

/** gRPC's C++ library with its callback API. Throws an error that says what is missing. */
export function startCppEcho(name: string, url: string): Promise<Contender> {
  const tools = ['g++', 'protoc', 'grpc_cpp_plugin', 'pkg-config'];
  return startBuilt(name, { folder: 'grpc-echo-cpp', tools, url });
}

/** grpc-go. Throws an error that says what is missing. */
export function startGoEcho(name: string, url: string): Promise<Contender> {
  return startBuilt(name, { folder: 'grpc-echo-go', tools: ['go', 'protoc'], url });
}

interface BuiltRival {
  /** In bench/rivals, with a build.sh. */
  readonly folder: string;
  /** Programs that build.sh runs. */
  readonly tools: readonly string[];
  readonly url: string;
}

async function startBuilt(name: string, { folder, tools, url }: BuiltRival): Promise<Contender> {
  for (const tool of tools) findProgram(tool);
  const sources = fileURLToPath(new URL(`../rivals/${folder}`, import.meta.url));
  const program = await cached(folder, [sources, PROTOS], async (path) => {
    console.error(`building ${folder} ...`);
    await promisify(execFile)(join(sources, 'build.sh'), [PROTOS, path], {
      env: { ...process.env, PATH: PATH.join(delimiter) },
      timeout: BUILD_MS,
    });
  });
  return startPrinting(name, [program], url);
}

/** nginx with one worker that answers every request with `body`. Throws an error when there is no nginx. */
export async function startNginx(name: string, body: string, folder: string): Promise<Contender> {
  const nginx = findProgram('nginx');
  const port = await freePort();
  const configuration = join(folder, 'nginx.conf');
  await writeFile(configuration, constantReply(port, body, folder));
  const command = [nginx, '-p', folder, '-c', configuration, '-e', 'stderr'];
  return startListening(name, command, `http://127.0.0.1:${port}/`);
}

function constantReply(port: number, body: string, folder: string): string {
  const buffers = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
    daemon off;
    worker_processes 1;
    pid ${join(folder, 'nginx.pid')};
    events { worker_connections 1024; }
    http {
      access_log off;
      keepalive_requests 1000000000;
      ${buffers.map((kind) => `${kind}_temp_path ${join(folder, kind)};`).join(' ')}
      server {
        listen 127.0.0.1:${port};
        location / { default_type application/json; return 200 '${body}'; }
      }
    }`;
}

function findProgram(name: string): string {
  const found = PATH.map((folder) => join(folder, name)).find((path) => existsSync(path));
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}
