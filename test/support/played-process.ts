/** A process that tests play: collects what is written. */
import { main } from '../../src/cli/main.ts';
import type { CliProcess } from '../../src/cli/terminal.ts';

export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PlayedOptions {
  readonly stdin?: string;
  readonly isTTY?: boolean;
  readonly env?: CliProcess['env'];
}

/** A process and what was written to it so far. */
export function playProcess({ stdin = '', isTTY = false, env = {} }: PlayedOptions = {}): {
  readonly process: CliProcess;
  readonly written: { stdout: string; stderr: string };
} {
  const written = { stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') => ({
    isTTY,
    write: (text: string) => void (written[name] += text),
  });
  const input = (async function* lines(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(stdin);
  })();
  return { process: { stdout: stream('stdout'), stderr: stream('stderr'), stdin: input, env }, written };
}

/** Runs one `skylift` command line inside this process. */
export async function runCli(argv: readonly string[], options?: PlayedOptions): Promise<Outcome> {
  const { process, written } = playProcess(options);
  const exitCode = await main(argv, process);
  return { exitCode, ...written };
}
