/** `skylift serve`: one path, an answering server. */
import { defineCommand } from '../define-command.ts';
import { LIMIT_NAMES } from '../flag-values.ts';
import { SERVE_FLAGS, TENSORFLOW_SERVING_FLAGS, TRITON_SERVE_FLAGS } from './serve-flags.ts';
import type { ServeFlags } from './serve-flags.ts';

export const serveCommand = defineCommand<ServeFlags, string[]>({
  help: {
    name: 'serve',
    brief: "Serve models over TensorFlow Serving's REST API until SIGTERM or Ctrl-C",
    usage: '[NAME=]PATH... [flags]',
    examples: [
      ['skylift serve ./digits.onnx', 'http://127.0.0.1:8501/v1/models/digits:predict'],
      ['skylift serve small=./a.onnx big=./b --port 8080', 'two models, their names, another port'],
      ['skylift serve --model_name=m --model_base_path=/models/m', "TensorFlow Serving's spelling"],
      [
        'skylift serve --model-repository=/models --model-control-mode=poll',
        "a model repository in Triton's layout",
      ],
      [
        'skylift serve ./digits.onnx --host 0.0.0.0 --auth-keys keys.json',
        'reachable from other machines, with API keys',
      ],
    ],
    groups: [
      { title: "TensorFlow Serving's flags", flags: TENSORFLOW_SERVING_FLAGS },
      { title: 'A model repository', flags: TRITON_SERVE_FLAGS },
      { title: 'Limits', flags: LIMIT_NAMES.filter((name) => name !== 'rest_api_timeout_in_ms') },
    ],
  },
  parameters: {
    flags: SERVE_FLAGS,
    positional: {
      kind: 'array',
      parameter: {
        parse: String,
        placeholder: '[NAME=]PATH',
        brief: 'An .onnx file, a package, or a folder of numbered versions',
      },
    },
  },
  load: async () => (await import('./run-serve.ts')).runServe,
});
