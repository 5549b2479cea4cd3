/** Starts the product and its rivals as processes of their own and finds all processes whose CPU counts. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processTree } from '../../src/bench/cpu-times.ts';

export interface Contender {
  readonly name: string;
  readonly url: string;
  /** The process and all its descendants, now. */
  pids(): readonly number[];
}

/** Time for a process to say that it is ready; the product measures its models before that. */
const START_MS = 120_000;
/** Time between SIGTERM and SIGKILL. */
const STOP_MS = 10_000;
const running = new Set<ChildProcess>();

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** A rival of bench/rivals that Node runs: prints its port on the first line. */
export function startRival(
  name: string,
  file: string,
  args: readonly string[],
  url: string,
): Promise<Contender> {
  return startPrinting(name, [process.execPath, at(`../rivals/${file}`), ...args], url);
}

/** A program that prints its port on the first line. `path` is appended to its address. */
export async function startPrinting(
  name: string,
  command: readonly string[],
  path: string,
): Promise<Contender> {
  const child = start(command);
  return contender(name, child, `http://127.0.0.1:${await firstLine(child)}${path}`);
}

/** A program that listens at `url` when it is ready. */
export async function startListening(
  name: string,
  command: readonly string[],
  url: string,
): Promise<Contender> {
  const child = start(command);
  const endMs = performance.now() + START_MS;
  while (!(await isListening(Number(new URL(url).port)))) {
    if (child.exitCode !== null || performance.now() > endMs) throw new Error(`${name} does not start`);
    await pause(20);
  }
  return contender(name, child, url);
}

/** `skylift serve` with a free port; ready when it says so. `path` is appended to its address. */
export async function startSkylift(
  args: readonly string[],
  path: string,
  storeDir: string,
): Promise<Contender> {
  const command = [
    process.execPath,
    at('../../src/cli/main.ts'),
    'serve',
    ...args,
    '--rest_api_port=0',
    '--json',
    '--quiet',
  ];
  const child = start(command, { ...process.env, SKYLIFT_STORE: storeDir });
  const ready: unknown = JSON.parse(await firstLine(child));
  const url = typeof ready === 'object' && ready !== null && 'url' in ready ? String(ready.url) : '';
  return contender('skylift', child, `${url}${path}`);
}

/** Ends all that were started. */
export async function stopAll(): Promise<void> {
  await Promise.all(Array.from(running, stop));
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  const giveUp = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  child.kill('SIGTERM');
  await ended;
  clearTimeout(giveUp);
}

/** A port that nobody listens at now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

function start([program = '', ...args]: readonly string[], env = process.env): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env });
  running.add(child);
  child.on('exit', () => running.delete(child));
  child.on('error', () => running.delete(child));
  return child;
}

function contender(name: string, child: ChildProcess, url: string): Contender {
  return { name, url, pids: () => (child.pid === undefined ? [] : processTree(child.pid)) };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no stdout');
  const giveUp = setTimeout(() => child.kill('SIGKILL'), START_MS);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      child.stdout.resume();
      return line;
    }
    throw new Error(`${child.spawnfile} ended without a line`);
  } finally {
    clearTimeout(giveUp);
  }
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
