/** Help texts: examples first, then usage and flags in groups, last the page in the docs. */
import type { Command, CommandContext } from '@stricli/core';
import { GLOBAL_FLAGS } from '../global-flags.ts';
import { renderPairs } from './table.ts';

/** What help shows besides the flags themselves. */
export interface CommandHelp {
  readonly name: string;
  /** One line of purpose, no full stop. */
  readonly brief: string;
  /** Arguments as people write them: `PATH... [flags]`. */
  readonly usage: string;
  /** `[command line, what it does]`, the most usual first. */
  readonly examples: readonly (readonly [string, string])[];
  /** Headings for flags in this order; flags that no group names stand under "Flags" before them. */
  readonly groups?: readonly { readonly title: string; readonly flags: readonly string[] }[];
}

const ENVIRONMENT = 'Each flag has a variable, SKYLIFT_MAX_HEADERS for --max_headers; the command line wins.';

type CommandParameters = Command<CommandContext>['parameters'];
type Flag = NonNullable<CommandParameters['flags']>[string];

/** Help of one command. */
export function renderCommandHelp(help: CommandHelp, parameters: CommandParameters): string {
  const flags = Object.entries(parameters.flags ?? {}).filter(
    ([, flag]) => !('hidden' in flag && flag.hidden),
  );
  const grouped = new Set((help.groups ?? []).flatMap((group) => group.flags));
  const own = flags.filter(([name]) => !grouped.has(name));
  const groups = (help.groups ?? []).map((group) => ({
    title: group.title,
    flags: flags.filter(([name]) => group.flags.includes(name)),
  }));
  return joinSections([
    section('Examples', renderPairs(help.examples.map(([line, what]) => [line, `# ${what}`]))),
    `${help.brief}.`,
    section('Usage', `  skylift ${help.name} ${help.usage}`),
    ...[{ title: 'Flags', flags: own }, ...groups].map(({ title, flags }) =>
      section(title, flagLines(flags)),
    ),
    section('Flags of every command', globalFlagLines()),
    ENVIRONMENT,
    `Docs: docs/reference/cli.md#${help.name}`,
  ]);
}

/** Help of the program: what to type first, and the list of commands. */
export function renderRootHelp(
  examples: CommandHelp['examples'],
  commands: readonly (readonly [string, string])[],
): string {
  return joinSections([
    section('Examples', renderPairs(examples.map(([line, what]) => [line, `# ${what}`]))),
    'Take an AI model from training to production with one tool.',
    section('Usage', '  skylift COMMAND [arguments] [flags]'),
    section('Commands', renderPairs(commands)),
    section('Flags of every command', globalFlagLines()),
    ENVIRONMENT,
    'Docs: docs/reference/cli.md',
  ]);
}

function globalFlagLines(): string {
  return renderPairs([
    ...GLOBAL_FLAGS.map(({ flag, brief }) => [flag, brief] as const),
    ['--help', 'This text'],
  ]);
}

function flagLines(flags: readonly (readonly [string, Flag])[]): string {
  return renderPairs(
    flags.map(([name, flag]) => [`--${name}${valueText(flag)}`, `${flag.brief}${defaultText(flag)}`]),
  );
}

function valueText(flag: Flag): string {
  if (flag.kind === 'boolean' || flag.kind === 'counter') return '';
  return `=${flag.kind === 'enum' ? flag.values.join('|') : (flag.placeholder ?? 'VALUE')}`;
}

function defaultText(flag: Flag): string {
  const value = 'default' in flag ? flag.default : undefined;
  return value === undefined || value === '' || value === false ? '' : ` (default ${String(value)})`;
}

function section(title: string, body: string): string {
  return body === '' ? '' : `${title}\n${body}`;
}

function joinSections(sections: readonly string[]): string {
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}
