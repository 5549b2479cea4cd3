/**
 * The flags of `tritonserver` as data: what `skylift serve --model-repository` does with each. Source:
 * triton-inference-server/server src/command_line_parser.cc. Long because it is a table.
 */
import { SkyliftError } from '../core/errors.ts';

/** `ignored`: harmless, said in one line; `not-yet`: the feature is missing, said in one line; `refused`: it was to protect something. */
type Support = 'ignored' | 'not-yet' | 'refused';

type Translation =
  /** The flag here, and what becomes of its value. */
  | { readonly to: string; readonly value?: (text: string) => string }
  | { readonly support: Support; readonly why: string };

const seconds = (text: string): string => (/^\d{1,7}$/.test(text) ? `${Number(text) * 1000}` : text);
const ignored = (why: string): Translation => ({ support: 'ignored', why });
const notYet = (why: string): Translation => ({ support: 'not-yet', why });
const refused = (why: string): Translation => ({ support: 'refused', why });

const TLS_HINT = 'write --tls-cert, --tls-key and --tls-client-ca, which hold for HTTP and gRPC';
const ONE_PORT = 'all protocols are there, on their ports';

/** By name. Those that are spelled alike here (`--model-repository`, `--load-model`, ...) need no line. */
export const TRITON_FLAGS: Readonly<Record<string, Translation>> = {
  'model-store': { to: 'model_repository' },
  'http-port': { to: 'rest_api_port' },
  'grpc-port': { to: 'port' },
  'http-address': { to: 'host' },
  'grpc-address': ignored('--http-address is the address of all ports'),
  'metrics-port': ignored('metrics are at /metrics on the port of HTTP'),
  'metrics-address': ignored('metrics are at /metrics on the port of HTTP'),
  'exit-timeout-secs': { to: 'drain_ms', value: seconds },
  'model-load-retry-count': { to: 'max_num_load_retries' },
  'model-load-thread-count': { to: 'max_parallel_loads' },
  'http-max-input-size': { to: 'max_body_bytes' },
  'log-verbose': ignored('the log has levels: --verbose, --quiet'),
  'log-info': ignored('the log has levels: --verbose, --quiet'),
  'log-warning': ignored('the log has levels: --verbose, --quiet'),
  'log-error': ignored('the log has levels: --verbose, --quiet'),
  'log-format': ignored('the log is JSON lines on stderr'),
  'log-file': notYet('the log goes to stderr'),
  id: ignored('it names the server in Triton only'),
  'allow-http': ignored(ONE_PORT),
  'allow-grpc': ignored(ONE_PORT),
  'allow-metrics': ignored('metrics are always there; an API key without the permission keeps callers out'),
  'allow-gpu-metrics': ignored('there is no GPU'),
  'allow-cpu-metrics': ignored('metrics of the process are always there'),
  'metrics-interval-ms': ignored('metrics are always fresh'),
  'metrics-config': ignored('metrics have buckets of their own'),
  'http-thread-count': ignored('HTTP needs no threads here'),
  'reuse-http-port': notYet('ports are not shared between servers'),
  'reuse-grpc-port': notYet('ports are not shared between servers'),
  'grpc-infer-allocation-pool-size': ignored('gRPC has limits of its own'),
  'grpc-infer-thread-count': ignored('gRPC needs no threads here'),
  'grpc-infer-response-compression-level': ignored('replies of gRPC are not compressed'),
  'grpc-keepalive-time': ignored('gRPC has limits of its own'),
  'grpc-keepalive-timeout': ignored('gRPC has limits of its own'),
  'grpc-keepalive-permit-without-calls': ignored('gRPC has limits of its own'),
  'grpc-http2-max-pings-without-data': ignored('gRPC has limits of its own'),
  'grpc-http2-min-recv-ping-interval-without-data': ignored('gRPC has limits of its own'),
  'grpc-http2-max-ping-strikes': ignored('gRPC has limits of its own'),
  'grpc-max-connection-age': ignored('gRPC has limits of its own'),
  'grpc-max-connection-age-grace': ignored('gRPC has limits of its own'),
  'grpc-use-ssl': refused(TLS_HINT),
  'grpc-use-ssl-mutual': refused(TLS_HINT),
  'grpc-server-cert': refused(TLS_HINT),
  'grpc-server-key': refused(TLS_HINT),
  'grpc-root-cert': refused(TLS_HINT),
  'http-restricted-api': refused('API keys have permissions: --auth-keys'),
  'grpc-restricted-protocol': refused('API keys have permissions: --auth-keys'),
  'http-header-forward-pattern': ignored('models do not see headers'),
  'grpc-header-forward-pattern': ignored('models do not see headers'),
  'strict-model-config': ignored(
    'what config.pbtxt leaves out is read from the model, what it says must fit',
  ),
  'disable-auto-complete-config': ignored('what config.pbtxt leaves out is read from the model'),
  'model-config-name': notYet('the file is config.pbtxt'),
  'model-namespacing': notYet('a name is that of one folder'),
  'enable-peer-access': ignored('there is no GPU'),
  'backend-directory': ignored('the engine is built in'),
  'backend-config': ignored('the engine has options of its own: --engines, --threads'),
  'repoagent-directory': ignored('there are no repository agents'),
  'cache-config': ignored('there is no cache of replies'),
  'cache-directory': ignored('there is no cache of replies'),
  'response-cache-byte-size': ignored('there is no cache of replies'),
  'rate-limit': ignored('models take turns by the time that they have had'),
  'rate-limit-resource': ignored('models take turns by the time that they have had'),
  'pinned-memory-pool-byte-size': ignored('there is no GPU'),
  'cuda-memory-pool-byte-size': ignored('there is no GPU'),
  'cuda-virtual-address-size': ignored('there is no GPU'),
  'model-load-gpu-limit': ignored('there is no GPU'),
  'min-supported-compute-capability': ignored('there is no GPU'),
  'buffer-manager-thread-count': ignored('tensors need no threads here'),
  'host-policy': ignored('engines share the usable cores'),
  'trace-config': notYet('requests are not traced'),
  'trace-file': notYet('requests are not traced'),
  'trace-level': notYet('requests are not traced'),
  'trace-rate': notYet('requests are not traced'),
  'trace-count': notYet('requests are not traced'),
  'trace-log-frequency': notYet('requests are not traced'),
  'allow-sagemaker': notYet('there are no routes for it'),
  'allow-vertex-ai': notYet('there are no routes for it'),
};

export interface TranslatedLine {
  readonly args: readonly string[];
  /** One line for each flag that has no effect. */
  readonly notes: readonly string[];
}

/**
 * The arguments of `skylift serve` for those that may be Triton's; without a model repository they stay as they are. Throws
 * SKY_USAGE for a flag that was to protect something.
 */
export function translateTriton(args: readonly string[]): TranslatedLine {
  if (!args.some((argument) => /^--model[-_](?:repository|store)(?:=|$)/.test(argument)))
    return { args, notes: [] };
  const translated: string[] = [];
  const notes: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const argument = args[i] ?? '';
    const [, name = '', inline] = /^--([^=]+)(?:=([^]*))?$/.exec(argument) ?? [];
    const key = name.replaceAll('_', '-');
    const translation = Object.hasOwn(TRITON_FLAGS, key) ? TRITON_FLAGS[key] : undefined;
    if (!translation) {
      translated.push(argument);
      continue;
    }
    const next = args[i + 1];
    const hasNext = inline === undefined && next !== undefined && !next.startsWith('-');
    if (hasNext) i++;
    const text = inline ?? (hasNext ? next : 'true');
    if ('to' in translation) translated.push(`--${translation.to}=${translation.value?.(text) ?? text}`);
    else if (translation.support === 'refused' && text !== 'false') throw unsafe(name, translation.why);
    else notes.push(noteOf(name, translation));
  }
  return { args: translated, notes };
}

function noteOf(name: string, { support, why }: Extract<Translation, { support: Support }>): string {
  return `--${name} ${support === 'not-yet' ? 'is not supported yet' : 'has no effect'}: ${why}`;
}

function unsafe(name: string, why: string): SkyliftError {
  return new SkyliftError(
    'SKY_USAGE',
    `--${name} is no flag here, and going on without it would not be safe`,
    {
      hint: `Instead ${why}.`,
    },
  );
}
