/** One way to define a command: what it parses, how its help reads, and the module that is loaded when it runs. */
import { buildCommand } from '@stricli/core';
import type { Command, CommandContext, TypedCommandParameters } from '@stricli/core';
import { renderCommandHelp } from './render/help.ts';
import type { CommandHelp } from './render/help.ts';
import type { Terminal } from './terminal.ts';

/** What every command function works with besides its flags and arguments. */
export interface CliContext extends CommandContext {
  readonly terminal: Terminal;
  /** All commands by name, for completion. */
  readonly commands: Readonly<Record<string, Command<CliContext>>>;
  /** Ends the command with this exit code although it printed a result. */
  setExitCode(code: number): void;
}

/** The function of a command. */
export type CommandRun<FLAGS, ARGS extends readonly unknown[]> = (
  context: CliContext,
  flags: FLAGS,
  ...args: ARGS
) => void | Promise<void>;

/** Flags of a command that has none of its own. */
export type NoFlags = Readonly<Record<string, never>>;

export interface CommandSpec<
  FLAGS extends Readonly<Partial<Record<keyof FLAGS, unknown>>>,
  ARGS extends readonly unknown[],
> {
  readonly help: CommandHelp;
  readonly parameters: TypedCommandParameters<FLAGS, ARGS, CliContext>;
  /** Loads the function; the only place where a command's code is imported. */
  readonly load: () => Promise<CommandRun<FLAGS, ARGS>>;
}

/** A lazily loaded command whose help starts with examples. */
export function defineCommand<
  const FLAGS extends Readonly<Partial<Record<keyof FLAGS, unknown>>>,
  const ARGS extends readonly unknown[],
>(spec: CommandSpec<FLAGS, ARGS>): Command<CliContext> {
  const command = buildCommand<FLAGS, ARGS, CliContext>({
    async loader() {
      const run = await spec.load();
      return function runWithContext(flags, ...args) {
        return run(this, flags, ...args);
      };
    },
    parameters: spec.parameters,
    docs: { brief: spec.help.brief },
  });
  return Object.assign(command, {
    formatHelp: () => renderCommandHelp(spec.help, command.parameters),
  });
}
