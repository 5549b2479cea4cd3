/** docs/reference/cli.md: the help texts of the commands, asked from the commands themselves, and the variables of their flags. */
import { COMMANDS } from '../../src/cli/app.ts';
import { variableOf } from '../../src/cli/environment-flags.ts';
import { GLOBAL_FLAGS } from '../../src/cli/global-flags.ts';
import { runScript } from '../support/command.ts';
import { GENERATED_NOTE } from './page.ts';
import type { Page } from './page.ts';

const MAIN = 'src/cli/main.ts';
const TENSORFLOW_MODEL_SERVER = 'src/cli/tensorflow-model-server.ts';

/** Throws when a command cannot print its help. */
export async function cliPage(): Promise<Page> {
  const sections = [section('skylift', await helpOf(MAIN))];
  for (const name of Object.keys(COMMANDS)) sections.push(section(name, await helpOf(MAIN, name)));
  sections.push(section('tensorflow_model_server', await helpOf(TENSORFLOW_MODEL_SERVER)));
  return {
    path: 'docs/reference/cli.md',
    text: `${GENERATED_NOTE}

# Commands

The help of each command, as \`--help\` prints it. Exit codes are listed in [errors](../errors/README.md).

${sections.join('\n')}
## Environment

A variable stands for a flag of \`skylift\` that the command line does not give; an empty one counts as absent. A switch is
\`true\` or \`1\`, \`false\` or \`0\`.

| variable | flag | commands |
| --- | --- | --- |
${variableRows().join('\n')}
| \`SKYLIFT_STORE\` | | the folder of the local store |
| \`SKYLIFT_API_KEY\` | | the API key that predict and bench send to a server |
`,
  };
}

function variableRows(): readonly string[] {
  const commands = new Map<string, string[]>();
  for (const [command, { parameters }] of Object.entries(COMMANDS))
    for (const flag of Object.keys(parameters.flags ?? {}))
      commands.set(flag, [...(commands.get(flag) ?? []), command]);
  const global = GLOBAL_FLAGS.map(({ flag }) => [flag.slice(2), ['all']] as const);
  return [...global, ...commands].map(
    ([flag, names]) => `| \`${variableOf(flag)}\` | \`--${flag}\` | ${names.join(', ')} |`,
  );
}

async function helpOf(script: string, ...command: readonly string[]): Promise<string> {
  const { code, stdout, output } = await runScript(script, [...command, '--help']);
  if (code !== 0) throw new Error(`${script} ${command.join(' ')} --help ended with ${code}: ${output}`);
  return stdout;
}

function section(title: string, help: string): string {
  return `## ${title}\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`;
}
