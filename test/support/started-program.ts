/** A real program of bin/ as a child process, for tests from end to end. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './played-process.ts';

type Program = 'skylift' | 'tensorflow_model_server';

export interface StartOptions {
  readonly nodeFlags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Path of a program. */
function programPath(program: Program): string {
  return fileURLToPath(new URL(`../../bin/${program}.cjs`, import.meta.url));
}

/** Starts a program; stdin is closed. */
export function startProgram(
  program: Program,
  args: readonly string[],
  { nodeFlags = [], env = {} }: StartOptions = {},
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [...nodeFlags, programPath(program), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
}

/** Runs a program to its end. */
export async function runProgram(
  program: Program,
  args: readonly string[],
  options?: StartOptions,
): Promise<Outcome> {
  const child = startProgram(program, args, options);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { exitCode: child.exitCode ?? -1, stdout, stderr };
}

/** Resolves with everything written so far once `pattern` is in it. Rejects when the stream ends before. */
export async function waitForText(stream: Readable, pattern: RegExp): Promise<string> {
  let written = '';
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    written += String(chunk);
    if (pattern.test(written)) {
      stream.resume();
      return written;
    }
  }
  throw new Error(`ended without ${pattern}: ${written}`);
}
