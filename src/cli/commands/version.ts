/** `skylift version`: what to put in a report. */
import { defineCommand } from '../define-command.ts';
import type { NoFlags } from '../define-command.ts';

export const versionCommand = defineCommand<NoFlags, []>({
  help: {
    name: 'version',
    brief: 'Print the versions of Skylift, Node.js and the engine',
    usage: '',
    examples: [
      ['skylift version', 'one line'],
      ['skylift version --json', 'for programs'],
    ],
  },
  parameters: { flags: {} },
  load: async () => {
    const { printVersion } = await import('./run-version.ts');
    return ({ terminal }) => printVersion(terminal);
  },
});
