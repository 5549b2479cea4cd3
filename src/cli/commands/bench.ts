/** `skylift bench`: load on a model and what it costs. */
import { defineCommand } from '../define-command.ts';
import { parseCount, parseSeconds } from '../flag-values.ts';
import { TLS_CA_FLAG } from '../tls-ca.ts';
import type { BenchFlags } from './run-bench.ts';

export const benchCommand = defineCommand<BenchFlags, [string]>({
  help: {
    name: 'bench',
    brief: 'Measure requests per second, latency and CPU per request of a model',
    usage: 'URL|PATH [flags]',
    examples: [
      ['skylift bench ./digits.onnx', 'serves the file for the time of the run'],
      [
        'skylift bench http://127.0.0.1:8501/v1/models/digits --connections 32 --duration 10',
        'a running server',
      ],
      [
        'skylift bench http://127.0.0.1:8501/v1/models/digits --rate 2000',
        'as many a second, come what may: latency from when each was due',
      ],
      [
        'skylift bench http://127.0.0.1:8501/v1/models/digits --input @seven.json --json',
        'own request, for programs',
      ],
    ],
  },
  parameters: {
    flags: {
      connections: {
        kind: 'parsed',
        parse: parseCount,
        optional: true,
        placeholder: 'N',
        brief: 'Requests in flight, one per connection (default 8; with --rate at most, 1024)',
      },
      rate: {
        kind: 'parsed',
        parse: parseCount,
        optional: true,
        placeholder: 'N',
        brief: 'Requests that are due in a second, whether or not the server keeps up',
      },
      duration: {
        kind: 'parsed',
        parse: parseSeconds,
        default: '5',
        placeholder: 'SECONDS',
        brief: 'Time of the measurement',
      },
      warmup: {
        kind: 'parsed',
        parse: parseSeconds,
        default: '1',
        placeholder: 'SECONDS',
        brief: 'Load before the measurement',
      },
      input: {
        kind: 'parsed',
        parse: String,
        optional: true,
        placeholder: 'JSON|@FILE|-',
        brief: 'The request (default: zeros in the shapes of the signature)',
      },
      tls_ca: TLS_CA_FLAG,
    },
    positional: {
      kind: 'tuple',
      parameters: [{ parse: String, placeholder: 'URL|PATH', brief: 'URL of a model, or a path' }],
    },
  },
  load: async () => (await import('./run-bench.ts')).runBench,
});
