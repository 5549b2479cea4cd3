/**
 * Runs the commands as a user does, as processes: those of the installed package when SKYLIFT_E2E_INSTALLED names the
 * folder it was installed into, else those of the checkout. Everything here ends what it starts.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { descendantsOf, isRunning } from '../../tools/support/processes.ts';

export type ProgramName = 'skylift' | 'tensorflow_model_server';

export interface RunOptions {
  /** @default skylift */
  readonly program?: ProgramName;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerProcess {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly pid: number;
  /** What it has said so far, both streams. */
  said(): string;
  /** Sends `signal`, waits for the end, and asserts that no process it had started remains. */
  stop(signal?: NodeJS.Signals): Promise<CommandResult>;
}

/** Root of the checkout that this file belongs to. */
export const CHECKOUT = join(import.meta.dirname, '..', '..');
/** Folder into which the package was installed, if that is what is tested. */
export const INSTALLED = process.env['SKYLIFT_E2E_INSTALLED'];
/** The commands under test. In the checkout the sources, so that a build from yesterday is never what is tested. */
export const PROGRAMS: Readonly<Record<ProgramName, string>> =
  INSTALLED === undefined
    ? {
        skylift: join(CHECKOUT, 'src', 'cli', 'main.ts'),
        tensorflow_model_server: join(CHECKOUT, 'src', 'cli', 'tensorflow-model-server.ts'),
      }
    : {
        skylift: join(INSTALLED, 'node_modules', 'skylift', 'bin', 'skylift.cjs'),
        tensorflow_model_server: join(
          INSTALLED,
          'node_modules',
          'skylift',
          'bin',
          'tensorflow_model_server.cjs',
        ),
      };

const USE_CHECKOUT = pathToFileURL(join(CHECKOUT, 'test', 'support', 'use-checkout.ts')).href;
/** In the checkout nothing is installed under the name `skylift`. */
export const CONSUMER_FLAGS: readonly string[] = INSTALLED === undefined ? ['--import', USE_CHECKOUT] : [];

const COMMAND_LIMIT_MS = 60_000;
const READY_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 40_000;
const POLL_MS = 50;

/** A folder that is removed when the test ends. */
export function temporaryFolder(t: Pick<TestContext, 'after'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'skylift-e2e-'));
  t.after(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return folder;
}

/** A temporary folder in which `import … from 'skylift'` finds the package under test (see `runNode`). */
export function consumerFolder(t: Pick<TestContext, 'after'>): string {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  if (INSTALLED !== undefined) {
    symlinkSync(join(INSTALLED, 'node_modules'), join(folder, 'node_modules'), 'junction');
  }
  return folder;
}

/** Runs one command to its end. */
export function skylift(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  return finished(start(args, options));
}

/** Runs a program of somebody else in a `consumerFolder` to its end. */
export function runNode(args: readonly string[], options: RunOptions = {}): Promise<CommandResult> {
  return finished(spawnNode([...CONSUMER_FLAGS, ...args], options));
}

async function finished(child: ChildProcess): Promise<CommandResult> {
  const output = collect(child);
  const watchdog = setTimeout(() => child.kill('SIGKILL'), COMMAND_LIMIT_MS);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(watchdog);
  return { code, ...output() };
}

/** Starts a server with `args` and waits until it is ready. It is stopped when the test ends, if it was not before. */
export async function startServer(
  t: Pick<TestContext, 'after'>,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ServerProcess> {
  const child = start(args, options);
  const closed = once(child, 'close');
  const output = collect(child);
  t.after(() => child.kill('SIGKILL'));
  const said = (): string => output().stdout + output().stderr;
  const url = await readyUrl(child, said);
  const pid = child.pid ?? assert.fail('a running process has a pid');
  return {
    url,
    pid,
    said,
    async stop(signal = 'SIGTERM') {
      const started = descendantsOf(pid);
      child.kill(signal);
      const watchdog = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
      const [code] = (await closed) as [number | null];
      clearTimeout(watchdog);
      await assertGone(started);
      return { code, ...output() };
    },
  };
}

/** A port of 127.0.0.1 that was free a moment ago, for programs that cannot be asked to choose one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Sends a JSON document and reads one back. */
export async function postJson(url: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

function start(args: readonly string[], options: RunOptions): ChildProcess {
  return spawnNode([PROGRAMS[options.program ?? 'skylift'], ...args], options);
}

function spawnNode(args: readonly string[], { cwd, env }: RunOptions): ChildProcess {
  return spawn(process.execPath, args, {
    ...(cwd !== undefined && { cwd }),
    env: { ...process.env, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function collect(child: ChildProcess): () => { stdout: string; stderr: string } {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return () => ({ stdout, stderr });
}

/** The first local address of HTTP that the server names, once `/readyz` answers there. */
async function readyUrl(child: ChildProcess, said: () => string): Promise<string> {
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  while (performance.now() < deadlineMs && child.exitCode === null && child.signalCode === null) {
    const port = /(?<!gRPC .*)(?:127\.0\.0\.1|localhost|0\.0\.0\.0):(\d+)/.exec(said())?.[1];
    const url = `http://127.0.0.1:${port}`;
    if (port !== undefined && (await isReady(url))) return url;
    await delay(POLL_MS);
  }
  child.kill('SIGKILL');
  assert.fail(`the server did not become ready; it said:\n${said()}`);
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(1000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false; // not listening yet
  }
}

/** Processes of others end a moment after their parent; they get a second. */
async function assertGone(pids: readonly number[]): Promise<void> {
  const deadlineMs = performance.now() + 1000;
  while (pids.some(isRunning) && performance.now() < deadlineMs) await delay(POLL_MS);
  assert.deepEqual(pids.filter(isRunning), [], 'processes remain after their server has ended');
}
