/**
 * The flags of `tensorflow_model_server` as data: TensorFlow Serving's own (model_servers/main.cc), what Skylift does with
 * each, and Skylift's additions. Long because it is a table.
 */
import { LIMITS } from '../core/limits.ts';
import { LIMIT_NAMES } from './flag-values.ts';

/** `supported`: as in the original; `ignored`: harmless, said in one line; `not-yet`: the feature is missing, said in one line. */
export type FlagSupport = 'supported' | 'ignored' | 'not-yet';

export interface TensorflowFlag {
  readonly name: string;
  readonly type: 'string' | 'bool' | 'integer' | 'float';
  readonly default: string;
  readonly support: FlagSupport;
  /** What it means here; for ignored flags why nothing is lost. */
  readonly meaning: string;
}

type Row = readonly [
  name: string,
  type: TensorflowFlag['type'],
  defaultText: string,
  support: FlagSupport,
  meaning: string,
];

const OWN_ROWS: readonly Row[] = [
  ['port', 'integer', '8500', 'supported', 'Port of gRPC; 0 switches it off'],
  ['grpc_socket_path', 'string', '', 'supported', 'UNIX socket of gRPC'],
  ['rest_api_port', 'integer', '0', 'supported', 'Port of HTTP; 0 switches it off'],
  ['rest_api_num_threads', 'integer', '0', 'ignored', 'HTTP needs no threads here'],
  ['rest_api_enable_cors_support', 'bool', 'false', 'supported', 'Answer browsers of other origins'],
  [
    'enable_batching',
    'bool',
    'false',
    'supported',
    'Let --batching_parameters_file count; requests that wait are combined without it, too',
  ],
  [
    'batching_parameters_file',
    'string',
    '',
    'supported',
    'Rows of a run, of the queue, and the wait for fuller runs; without it runs are as large as pays',
  ],
  [
    'enable_per_model_batching_parameters',
    'bool',
    'false',
    'supported',
    'With --enable_batching: batching_params.pbtxt in the folder of each version counts instead',
  ],
  [
    'allow_version_labels_for_unavailable_models',
    'bool',
    'false',
    'supported',
    'Let a changed config file label versions that do not answer yet',
  ],
  ['model_config_file', 'string', '', 'supported', 'Models, version policies and labels'],
  [
    'model_config_file_poll_wait_seconds',
    'integer',
    '0',
    'supported',
    'Pause between two looks at the config file, as --config_poll_ms; 0: only at the start',
  ],
  ['model_name', 'string', 'default', 'supported', 'Name of the model'],
  ['model_base_path', 'string', '', 'supported', 'Folder with numbered versions, or one model'],
  ['num_load_threads', 'integer', '0', 'ignored', 'See --max_parallel_loads'],
  ['num_unload_threads', 'integer', '0', 'ignored', 'Models unload in engine processes'],
  [
    'load_retry_interval_micros',
    'integer',
    '60000000',
    'supported',
    'Pause before a failed load is tried again, as --load_retry_interval_ms',
  ],
  [
    'file_system_poll_wait_seconds',
    'integer',
    '1',
    'supported',
    'Pause between two looks for new versions, as --version_poll_ms; 0: only at the start',
  ],
  ['flush_filesystem_caches', 'bool', 'true', 'ignored', 'Weights are mapped, caches serve all engines'],
  ['tensorflow_session_parallelism', 'integer', '0', 'supported', 'Threads inside one run; 0 chooses'],
  ['tensorflow_intra_op_parallelism', 'integer', '0', 'supported', 'Threads inside one run; 0 chooses'],
  ['tensorflow_inter_op_parallelism', 'integer', '0', 'ignored', 'Operators of one run follow each other'],
  [
    'tensorflow_session_config_file',
    'string',
    '',
    'supported',
    'Options of a TensorFlow session: threads inside one run; the others are said to have no effect',
  ],
  [
    'platform_config_file',
    'string',
    '',
    'supported',
    'Options of the platform tensorflow: session and batching, instead of the flags for them',
  ],
  ['ssl_config_file', 'string', '', 'supported', 'TLS of the port of gRPC; read again when it changes'],
  ['grpc_channel_arguments', 'string', '', 'ignored', 'gRPC has limits of its own: --grpc_max_message_bytes'],
  ['grpc_max_threads', 'integer', '0', 'ignored', 'gRPC needs no threads here'],
  ['saved_model_tags', 'string', 'serve', 'ignored', 'ONNX models have no tags'],
  [
    'enable_model_warmup',
    'bool',
    'true',
    'supported',
    'Run assets.extra/tf_serving_warmup_requests before a version answers; made-up inputs are always run',
  ],
  [
    'num_request_iterations_for_warmup',
    'integer',
    '0',
    'supported',
    'How often each recorded request is run at warm-up; 0: once',
  ],
  [
    'monitoring_config_file',
    'string',
    '',
    'supported',
    'Path and switch of the metrics; without it they are at /monitoring/prometheus/metrics',
  ],
  ['remove_unused_fields_from_bundle_metagraph', 'bool', 'true', 'ignored', 'There is no metagraph'],
  ['prefer_tflite_model', 'bool', 'false', 'not-yet', 'TensorFlow Lite models'],
  ['num_tflite_pools', 'integer', '0', 'ignored', 'There are no TensorFlow Lite interpreters'],
  [
    'num_tflite_interpreters_per_pool',
    'integer',
    '1',
    'ignored',
    'There are no TensorFlow Lite interpreters',
  ],
  ['enable_signature_method_name_check', 'bool', 'false', 'ignored', 'Signatures are always checked'],
  ['enable_profiler', 'bool', 'true', 'ignored', 'There is no TensorFlow to profile'],
  [
    'enable_grpc_healthcheck_service',
    'bool',
    'false',
    'supported',
    'The health service of gRPC, which always answers',
  ],
  [
    'enable_serialization_as_tensor_content',
    'bool',
    'false',
    'supported',
    'Raw bytes instead of typed fields in gRPC replies',
  ],
  ['per_process_gpu_memory_fraction', 'float', '0', 'ignored', 'There is no TensorFlow'],
  ['xla_cpu_compilation_enabled', 'bool', 'false', 'ignored', 'There is no TensorFlow'],
  ['xla_gpu_compilation_enabled', 'bool', 'false', 'ignored', 'There is no TensorFlow'],
  ['mixed_precision', 'string', '', 'ignored', 'There is no TensorFlow'],
  ['skip_initialize_tpu', 'bool', 'false', 'ignored', 'There is no TensorFlow'],
  ['thread_pool_factory_config_file', 'string', '', 'ignored', 'There is no TensorFlow'],
  ['use_alts_credentials', 'bool', 'false', 'not-yet', 'Credentials inside of Google Cloud'],
  ['version', 'bool', 'false', 'supported', 'Print versions and exit'],
];

const ADDED_ROWS: readonly Row[] = [
  ['host', 'string', '0.0.0.0', 'supported', 'Address to listen on (Skylift)'],
  ['http_backend', 'string', 'fast', 'supported', 'Who reads HTTP: fast or node (Skylift)'],
  ['auth_keys', 'string', '', 'supported', 'File of API keys that callers are asked for (Skylift)'],
  ['auth_pepper', 'string', '', 'supported', 'The pepper of that file; default FILE.pepper (Skylift)'],
  ['tls_cert', 'string', '', 'supported', 'Certificate (PEM) of all ports, HTTPS included (Skylift)'],
  ['tls_key', 'string', '', 'supported', 'The private key of that certificate (Skylift)'],
  ['tls_client_ca', 'string', '', 'supported', 'CA that has signed the certificates of clients (Skylift)'],
  [
    'version_order',
    'string',
    'load-first',
    'supported',
    'Whether a new version answers before the old one goes (load-first), or takes its memory (unload-first) (Skylift)',
  ],
  [
    'allow_remote_admin',
    'bool',
    'false',
    'supported',
    'Reload the configuration for callers of other machines without keys, as the original does (Skylift)',
  ],
  [
    'compress_replies',
    'bool',
    'false',
    'supported',
    'Compress replies of HTTP for clients that ask for it (Skylift)',
  ],
  [
    'http_socket_path',
    'string',
    '',
    'supported',
    'UNIX socket of HTTP, beside or instead of its port (Skylift)',
  ],
  [
    'otlp_endpoint',
    'string',
    '',
    'supported',
    'Send traces to this OpenTelemetry collector, as OTEL_EXPORTER_OTLP_ENDPOINT (Skylift)',
  ],
  ['access_log', 'bool', 'false', 'supported', 'One JSON line per request on stderr (Skylift)'],
  ['help', 'bool', 'false', 'supported', 'Print this text and exit (Skylift)'],
  ...LIMIT_NAMES.map((name): Row => [
    name,
    'string',
    `${LIMITS[name].default}`,
    'supported',
    LIMITS[name].why,
  ]),
];

/** All flags, the original's first. */
export const TENSORFLOW_FLAGS: readonly TensorflowFlag[] = [...OWN_ROWS, ...ADDED_ROWS].map(
  ([name, type, defaultText, support, meaning]) => ({ name, type, default: defaultText, support, meaning }),
);

/** The usage text, in the original's form: one line per flag with type and default. */
export function tensorflowUsage(): string {
  const lines = TENSORFLOW_FLAGS.map(
    ({ name, type, support, meaning, ...flag }) =>
      `\t--${`${name}=${type === 'string' ? JSON.stringify(flag.default) : flag.default}`.padEnd(46)}\t${type}\t${meaning}${NOTES[support]}`,
  );
  return `usage: tensorflow_model_server\nFlags:\n${lines.join('\n')}\n`;
}

const NOTES: Readonly<Record<FlagSupport, string>> = {
  supported: '',
  ignored: ' [accepted and ignored]',
  'not-yet': ' [not supported yet]',
};
