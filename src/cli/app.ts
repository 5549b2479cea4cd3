/** The command line as an application: its commands, how a line is scanned, and where failures go. */
import { buildApplication, buildRouteMap, help, run, text_en } from '@stricli/core';
import type { Application, ApplicationText, StricliProcess } from '@stricli/core';
import { benchCommand } from './commands/bench.ts';
import { completionCommand } from './commands/completion.ts';
import { doctorCommand } from './commands/doctor.ts';
import { importCommand } from './commands/import.ts';
import { inspectCommand } from './commands/inspect.ts';
import { keysCommand } from './commands/keys.ts';
import { predictCommand } from './commands/predict.ts';
import { psCommand } from './commands/ps.ts';
import { serveCommand } from './commands/serve.ts';
import { versionCommand } from './commands/version.ts';
import type { CliContext } from './define-command.ts';
import { environmentFlags, variableOf } from './environment-flags.ts';
import { fileFlags, NO_FILE } from './file-flags.ts';
import { renderRootHelp } from './render/help.ts';
import type { CommandHelp } from './render/help.ts';
import type { Terminal } from './terminal.ts';
import { translateTriton } from './triton-flags.ts';
import { unknownCommand, wrongArguments } from './usage-error.ts';

/** Every command, in the order in which help lists them. */
export const COMMANDS = {
  serve: serveCommand,
  import: importCommand,
  inspect: inspectCommand,
  predict: predictCommand,
  bench: benchCommand,
  ps: psCommand,
  keys: keysCommand,
  doctor: doctorCommand,
  version: versionCommand,
  completion: completionCommand,
};

const ROOT_EXAMPLES: CommandHelp['examples'] = [
  ['skylift serve ./model.onnx', 'one file, an answering server'],
  ['skylift predict ./model.onnx --input @input.json', 'one answer without a server'],
  ['skylift inspect ./model.onnx', 'signatures, operators, sizes'],
];

/** What went wrong while a line was scanned or run; the scanner wants to print it, we want to raise it. */
interface Failures {
  readonly arguments: unknown[];
  other: unknown;
}

/** Scans and runs one command line. Resolves with the exit code; throws what went wrong. */
export async function runCommandLine(argv: readonly string[], terminal: Terminal): Promise<number> {
  const [name = '', ...given] = argv;
  const { args, notes } = name === 'serve' ? translateTriton(given) : { args: given, notes: [] };
  for (const note of notes) terminal.say(note);
  const flags = isCommand(name) ? Object.keys(COMMANDS[name].parameters.flags ?? {}) : [];
  const fromEnvironment = environmentFlags(flags, args, terminal.process.env);
  const fromFile = name === 'serve' ? await fileFlags(flags, args, fromEnvironment) : NO_FILE;
  const line = [
    ...argv.slice(0, 1),
    ...fromFile.args,
    ...Array.from(fromEnvironment, ([flag, text]) => `--${flag}=${text}`),
    ...args,
  ];
  const origins = new Map([
    ...fromFile.origins,
    ...Array.from(fromEnvironment.keys(), (flag) => [flag, variableOf(flag)] as const),
  ]);
  const failures: Failures = { arguments: [], other: undefined };
  const scannerProcess: StricliProcess = { stdout: terminal.process.stdout, stderr: { write: () => {} } };
  let exitCode = 0;
  const context: CliContext = {
    process: scannerProcess,
    terminal,
    commands: COMMANDS,
    setExitCode: (code) => void (exitCode = code),
  };
  await run(createApplication(capturing(failures)), line, { ...context, process: scannerProcess });
  if (failures.arguments.length > 0) throw wrongArguments(name, failures.arguments, origins);
  if (failures.other !== undefined) throw failures.other;
  return exitCode;
}

function isCommand(name: string): name is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, name);
}

function createApplication(text: ApplicationText): Application<CliContext> {
  const root = buildRouteMap<keyof typeof COMMANDS, CliContext>({
    routes: COMMANDS,
    docs: { brief: 'Take an AI model from training to production with one tool' },
  });
  const commands = Object.entries(COMMANDS).map(([name, command]) => [name, command.brief] as const);
  const documented = Object.assign(root, { formatHelp: () => renderRootHelp(ROOT_EXAMPLES, commands) });
  return buildApplication<CliContext>(
    documented,
    {
      name: 'skylift',
      scanner: { caseStyle: 'original', allowArgumentEscapeSequence: true },
      localization: { text },
    },
    {
      help: help({
        brief: 'Examples and flags',
        defaultForRouteMap: true,
        formatting: { useAliasInUsageLine: false, onlyRequiredInUsageLine: false, caseStyle: 'original' },
      }),
    },
  );
}

/** Texts that keep the failure instead of describing it. */
function capturing(failures: Failures): ApplicationText {
  const keep = (failure: unknown): string => {
    failures.other ??= failure;
    return '';
  };
  return {
    ...text_en,
    noCommandRegisteredForInput: ({ input, corrections }) =>
      keep(
        unknownCommand(
          input,
          corrections.map((name) => name.replaceAll('`', '')),
        ),
      ),
    exceptionWhileParsingArguments(failure) {
      failures.arguments.push(failure);
      return '';
    },
    exceptionWhileLoadingCommandFunction: keep,
    exceptionWhileLoadingCommandContext: keep,
    exceptionWhileRunningCommand: keep,
    commandErrorResult: keep,
    exceptionWhileRunningIntegrationHook: ({ exception }) => keep(exception),
    exceptionWhileRunningIntegrationFlag: ({ exception }) => keep(exception),
  };
}
