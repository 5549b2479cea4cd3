/** Starts the product and its rivals as processes of their own and finds all processes whose CPU counts. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { processTree } from '../../src/bench/cpu-times.ts';

export interface Contender {
  readonly name: string;
  readonly url: string;
  /** The process and all its descendants, now. */
  pids(): readonly number[];
  stop(): Promise<void>;
}

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** A rival of bench/rivals: prints its port on the first line. */
export async function startRival(
  name: string,
  file: string,
  args: readonly string[],
  url: string,
): Promise<Contender> {
  const child = spawn(process.execPath, [at(`../rivals/${file}`), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await firstLine(child);
  return contender(name, child, `http://127.0.0.1:${port}${url}`);
}

/** `skylift serve` with a free port; ready when it says so. `path` is appended to its address. */
export async function startSkylift(
  args: readonly string[],
  path: string,
  storeDir: string,
): Promise<Contender> {
  const command = [at('../../src/cli/main.ts'), 'serve', ...args, '--rest_api_port=0', '--json'];
  const env = { ...process.env, SKYLIFT_STORE: storeDir };
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'], env });
  const ready: unknown = JSON.parse(await firstLine(child));
  const url = typeof ready === 'object' && ready !== null && 'url' in ready ? String(ready.url) : '';
  return contender('skylift', child, `${url}${path}`);
}

function contender(name: string, child: ChildProcess, url: string): Contender {
  return {
    name,
    url,
    pids: () => (child.pid === undefined ? [] : processTree(child.pid)),
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no stdout');
  const lines = createInterface({ input: child.stdout });
  for await (const line of lines) {
    child.stdout.resume();
    return line;
  }
  throw new Error(`the process ended without a line (exit ${child.exitCode})`);
}
