/** Prints completion scripts made from the command table: no Node starts when TAB is pressed. */
import type { CliContext, NoFlags } from '../define-command.ts';
import { GLOBAL_FLAGS } from '../global-flags.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

interface CompletedFlag {
  /** `--port`, or `--port=` when a value follows. */
  readonly word: string;
  readonly brief: string;
}

interface CompletedCommand {
  readonly name: string;
  readonly brief: string;
  readonly flags: readonly CompletedFlag[];
}

/** Prints the script of one shell. */
export function runCompletion(context: CliContext, _flags: NoFlags, shell: Shell): void {
  const script = SCRIPTS[shell](completedCommands(context.commands));
  context.terminal.result(script, { shell, script });
}

function completedCommands(commands: CliContext['commands']): readonly CompletedCommand[] {
  const globals = [
    ...GLOBAL_FLAGS.map(({ flag, brief }) => ({ word: flag, brief })),
    { word: '--help', brief: 'Help' },
  ];
  return Object.entries(commands).map(([name, { brief, parameters }]) => {
    const own = Object.entries(parameters.flags ?? {}).flatMap(([flag, spec]) => {
      if (spec.kind === 'enum')
        return spec.values.map((value) => ({ word: `--${flag}=${value}`, brief: spec.brief }));
      return [{ word: spec.kind === 'boolean' ? `--${flag}` : `--${flag}=`, brief: spec.brief }];
    });
    return { name, brief, flags: [...own, ...globals] };
  });
}

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash,
  zsh,
  fish,
};

/** COMP_WORDS splits at `=`; words are taken from the line instead. */
function bash(commands: readonly CompletedCommand[]): string {
  return `# bash completion of skylift
_skylift() {
  local word=\${COMP_LINE:0:COMP_POINT} words=
  word=\${word##* }
  if [ "$COMP_CWORD" -eq 1 ]; then words=${quoted(names(commands))}
  elif [[ $word == -* ]]; then
    case "\${COMP_WORDS[1]}" in
${cases(commands)}
    esac
  fi
  local prefix=; [[ $word == *=* ]] && prefix=\${word%%=*}=
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  [ -n "$prefix" ] && COMPREPLY=("\${COMPREPLY[@]#"$prefix"}")
  [[ \${COMPREPLY[0]} == *= ]] && compopt -o nospace
  return 0
}
complete -o default -F _skylift skylift
`;
}

function zsh(commands: readonly CompletedCommand[]): string {
  return `#compdef skylift
# zsh completion of skylift
_skylift() {
  local words_of=
  if (( CURRENT == 2 )); then words_of=${quoted(names(commands))}
  elif [[ $words[CURRENT] == -* ]]; then
    case "$words[2]" in
${cases(commands).replaceAll('words=', 'words_of=')}
    esac
  else _files; return; fi
  compadd -S '' -- \${=words_of}
}
compdef _skylift skylift
`;
}

function fish(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, brief, flags }) => [
    `complete -c skylift -n __fish_use_subcommand -f -a ${name} -d ${quoted(brief)}`,
    ...flags.map(
      ({ word, brief }) =>
        `complete -c skylift -n '__fish_seen_subcommand_from ${name}' -a ${quoted(word)} -d ${quoted(brief)}`,
    ),
  ]);
  return `# fish completion of skylift\n${lines.join('\n')}\n`;
}

function cases(commands: readonly CompletedCommand[]): string {
  return commands
    .map(({ name, flags }) => `      ${name}) words=${quoted(flags.map((flag) => flag.word).join(' '))} ;;`)
    .join('\n');
}

function names(commands: readonly CompletedCommand[]): string {
  return commands.map((command) => command.name).join(' ');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
