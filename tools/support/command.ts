/** Runs one command of the toolchain and keeps what it says, so that callers can show it whole or not at all. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Root of the checkout. */
export const ROOT = join(import.meta.dirname, '..', '..');

export interface Outcome {
  /** Exit code; 1 when the command was ended by a signal or could not start. */
  readonly code: number;
  readonly stdout: string;
  /** stdout and stderr in the order in which they came. */
  readonly output: string;
  readonly seconds: number;
}

/** Runs a tool of node_modules/.bin, or of PATH, in the root of the checkout. Never throws. */
export function runTool(tool: string, args: readonly string[]): Promise<Outcome> {
  const isWindows = process.platform === 'win32';
  const installed = join(ROOT, 'node_modules', '.bin', isWindows ? `${tool}.cmd` : tool);
  return run(existsSync(installed) ? installed : tool, args, isWindows);
}

/** Runs a TypeScript or JavaScript file under this very Node. Never throws. */
export function runScript(file: string, args: readonly string[] = []): Promise<Outcome> {
  return run(process.execPath, [join(ROOT, file), ...args], false);
}

function run(command: string, args: readonly string[], needsShell: boolean): Promise<Outcome> {
  const startedAtMs = performance.now();
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' };
  const child = spawn(command, args, {
    cwd: ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: needsShell,
  });
  let stdout = '';
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve) => {
    const finish = (code: number) =>
      resolve({ code, stdout, output, seconds: (performance.now() - startedAtMs) / 1000 });
    child.on('error', (error) => {
      output += `cannot start ${command}: ${error.message}\n`;
      finish(1);
    });
    child.on('close', (code) => finish(code ?? 1));
  });
}
