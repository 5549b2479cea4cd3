/** `skylift doctor`: whether this machine can do the work, and what is missing. */
import { defineCommand } from '../define-command.ts';
import type { NoFlags } from '../define-command.ts';

export const doctorCommand = defineCommand<NoFlags, []>({
  help: {
    name: 'doctor',
    brief: 'Check Node.js, cores, memory, isolation, the native engine and the store',
    usage: '',
    examples: [
      ['skylift doctor', 'a list of checks; exit code 1 when something essential fails'],
      ['skylift doctor --json', 'for programs'],
    ],
  },
  parameters: { flags: {} },
  load: async () => (await import('./run-doctor.ts')).runDoctor,
});
