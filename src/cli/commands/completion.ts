/** `skylift completion`: scripts for shells. */
import { defineCommand } from '../define-command.ts';
import type { NoFlags } from '../define-command.ts';
import type { Shell } from './run-completion.ts';

export const completionCommand = defineCommand<NoFlags, [Shell]>({
  help: {
    name: 'completion',
    brief: 'Print a completion script for a shell',
    usage: 'bash|zsh|fish',
    examples: [
      ['source <(skylift completion bash)', 'in ~/.bashrc'],
      ['source <(skylift completion zsh)', 'in ~/.zshrc, after compinit'],
      ['skylift completion fish > ~/.config/fish/completions/skylift.fish', 'once'],
    ],
  },
  parameters: {
    flags: {},
    positional: {
      kind: 'tuple',
      parameters: [{ parse: parseShell, placeholder: 'SHELL', brief: 'bash, zsh or fish' }],
    },
  },
  load: async () => (await import('./run-completion.ts')).runCompletion,
});

function parseShell(text: string): Shell {
  if (text === 'bash' || text === 'zsh' || text === 'fish') return text;
  throw new RangeError('it is bash, zsh or fish');
}
