/** `skylift inspect`: what a model wants, gives and is made of. */
import { defineCommand } from '../define-command.ts';
import type { InspectFlags } from './run-inspect.ts';

export const inspectCommand = defineCommand<InspectFlags, [string]>({
  help: {
    name: 'inspect',
    brief: 'Show signatures, operators and sizes of a model without loading it',
    usage: 'PATH [--example]',
    examples: [
      ['skylift inspect ./digits.onnx', 'a file'],
      ['skylift inspect ./digits --json', 'a package or a folder of numbered versions, for programs'],
      ['skylift inspect ./digits.onnx --example', 'a request that the model accepts, of zeros'],
    ],
  },
  parameters: {
    flags: {
      example: {
        kind: 'boolean',
        default: false,
        withNegated: false,
        brief: 'Print a request of zeros and nothing else',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [
        {
          parse: String,
          placeholder: 'PATH',
          brief: 'An .onnx file, a package, or a folder of numbered versions',
        },
      ],
    },
  },
  load: async () => (await import('./run-inspect.ts')).runInspect,
});
