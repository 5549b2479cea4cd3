/** The border to the process: arguments in, exit code out, nothing lost in between. Only here is process.exit called. */
import type { CliProcess } from './terminal.ts';

/** A program of this package: arguments without node and script, resolving with the exit code. */
export type Program = (argv: readonly string[], process: CliProcess) => Promise<number>;

/** Runs `program` as this process and ends it when the output is flushed. A reader that went away ends it quietly. */
export async function runAsProcess(program: Program): Promise<never> {
  process.stdout.on('error', endQuietlyOnEpipe);
  process.stderr.on('error', endQuietlyOnEpipe);
  const exitCode = await program(process.argv.slice(2), process);
  await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
  process.exit(exitCode);
}

function endQuietlyOnEpipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(0); // as `skylift ... | head` expects
  throw error;
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
