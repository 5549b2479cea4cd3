/** `skylift predict`: one answer, from a file or a server. */
import { defineCommand } from '../define-command.ts';
import { parseSeconds } from '../flag-values.ts';
import { TLS_CA_FLAG } from '../tls-ca.ts';
import type { PredictFlags } from './run-predict.ts';

export const predictCommand = defineCommand<PredictFlags, [string]>({
  help: {
    name: 'predict',
    brief: 'Run a model once and print the answer as JSON',
    usage: 'PATH|URL|NAME --input=JSON|@FILE|-',
    examples: [
      [`skylift predict ./digits.onnx --input @seven.json`, 'starts an engine, answers, ends it'],
      [`skylift predict http://127.0.0.1:8501/v1/models/digits --input @seven.json`, 'asks a server'],
      [
        `skylift predict digits --url http://127.0.0.1:8501 --input '{"inputs": {"x": [1, 2]}}'`,
        'named inputs',
      ],
      [
        'skylift inspect ./digits.onnx --example | skylift predict ./digits.onnx --input -',
        'zeros in the right shape',
      ],
    ],
  },
  parameters: {
    flags: {
      input: {
        kind: 'parsed',
        parse: String,
        placeholder: 'JSON|@FILE|-',
        brief: 'A request {"instances": ...} or {"inputs": ...}, or a plain list of rows',
      },
      url: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'URL',
        brief: 'Server that has the model NAME',
      },
      signature: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'NAME',
        brief: 'Signature (default serving_default)',
      },
      timeout: {
        kind: 'parsed',
        parse: parseSeconds,
        default: '30',
        placeholder: 'SECONDS',
        brief: 'Time for the answer',
      },
      tls_ca: TLS_CA_FLAG,
    },
    positional: {
      kind: 'tuple',
      parameters: [
        { parse: String, placeholder: 'MODEL', brief: 'A path, the URL of a model, or its name with --url' },
      ],
    },
  },
  load: async () => (await import('./run-predict.ts')).runPredict,
});
