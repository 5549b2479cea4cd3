/** `skylift ps`: the models of a running server. */
import { defineCommand } from '../define-command.ts';
import type { NoFlags } from '../define-command.ts';

export const psCommand = defineCommand<NoFlags, [string?]>({
  help: {
    name: 'ps',
    brief: 'Show the models of a running server: versions, states, requests, memory',
    usage: '[URL]',
    examples: [
      ['skylift ps', 'the server at http://127.0.0.1:8501'],
      ['skylift ps http://gpu-1:8501 --json', 'another one, for programs'],
    ],
  },
  parameters: {
    flags: {},
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, placeholder: 'URL', brief: 'URL of the server', optional: true }],
    },
  },
  load: async () => (await import('./run-ps.ts')).runPs,
});
