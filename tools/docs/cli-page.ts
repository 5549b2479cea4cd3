/** docs/reference/cli.md: the help texts of the commands, asked from the commands themselves. */
import { COMMANDS } from '../../src/cli/app.ts';
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

${sections.join('\n')}`,
  };
}

async function helpOf(script: string, ...command: readonly string[]): Promise<string> {
  const { code, stdout, output } = await runScript(script, [...command, '--help']);
  if (code !== 0) throw new Error(`${script} ${command.join(' ')} --help ended with ${code}: ${output}`);
  return stdout;
}

function section(title: string, help: string): string {
  return `## ${title}\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`;
}
