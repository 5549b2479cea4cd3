/** The `skylift` program: global flags, the one command, and how failures are shown. */
import { splitGlobalFlags } from './global-flags.ts';
import { runAsProcess } from './run-process.ts';
import { createTerminal } from './terminal.ts';
import type { CliProcess, Terminal } from './terminal.ts';

/** Runs one command line (without node and script). Never rejects; resolves with the exit code. */
export async function main(argv: readonly string[], process: CliProcess): Promise<number> {
  const { globals, rest } = splitGlobalFlags(argv, process.env);
  const terminal = createTerminal(process, globals);
  try {
    return await runLine(rest, terminal);
  } catch (error) {
    const { reportError } = await import('./render/error.ts');
    return reportError(error, terminal);
  }
}

/** Runs the program as this process. */
export function runProcess(): Promise<never> {
  return runAsProcess(main);
}

/** `version` answers without the command table: scripts and probes ask for it often. */
async function runLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  if (argv.length === 1 && (argv[0] === 'version' || argv[0] === '--version')) {
    const { printVersion } = await import('./commands/run-version.ts');
    printVersion(terminal);
    return 0;
  }
  const { runCommandLine } = await import('./app.ts');
  return runCommandLine(argv, terminal);
}

if (import.meta.main) await runProcess();
