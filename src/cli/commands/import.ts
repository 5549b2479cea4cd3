/** `skylift import`: a foreign model becomes a package. */
import { defineCommand } from '../define-command.ts';
import type { ImportFlags } from './run-import.ts';

export const importCommand = defineCommand<ImportFlags, [string]>({
  help: {
    name: 'import',
    brief: 'Make a package of a model file, checked and complete',
    usage: 'FILE [--out=DIR] [--name=NAME]',
    examples: [
      ['skylift import ./digits.onnx --out ./digits', 'a package in ./digits'],
      ['skylift import ./digits.onnx --out ./models/digits/2', 'as version 2 under a base path'],
      ['skylift import ./digits.onnx --name digits', 'then: skylift serve digits'],
      ['skylift serve "$(skylift import ./digits.onnx)"', 'stdout is the folder and nothing else'],
    ],
  },
  parameters: {
    flags: {
      out: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'DIR',
        brief: 'Absent or empty folder for the package (default: kept in the local store)',
      },
      name: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'NAME',
        brief: 'Name of the package in the local store',
      },
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, placeholder: 'FILE', brief: 'An .onnx file' }],
    },
  },
  load: async () => (await import('./run-import.ts')).runImport,
});
