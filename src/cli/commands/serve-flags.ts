/** Flags of `skylift serve`: its own, TensorFlow Serving's, and one per limit of the product. */
import type { FlagParametersForType } from '@stricli/core';
import { LIMITS } from '../../core/limits.ts';
import type { LimitName } from '../../core/limits.ts';
import type { CliContext } from '../define-command.ts';
import {
  LIMIT_NAMES,
  parseAutoCount,
  parseDevice,
  parseLimit,
  parsePath,
  parsePort,
  parseSeconds,
} from '../flag-values.ts';

export type LimitFlags = { readonly [Name in LimitName]?: number };

/** The flags that are not limits. */
interface OwnFlags {
  readonly port?: number;
  readonly host: string;
  readonly engines: number | 'auto';
  readonly threads: number | 'auto';
  readonly profile: 'auto' | 'throughput' | 'latency';
  readonly allow_oversubscription: boolean;
  readonly device: 'cpu' | `cuda:${number}`;
  readonly access_log: boolean;
  readonly compress_replies: boolean;
  readonly allow_remote_admin: boolean;
  readonly auth_keys?: string;
  readonly auth_pepper?: string;
  readonly tls_cert?: string;
  readonly tls_key?: string;
  readonly tls_client_ca?: string;
  readonly http_backend: 'fast' | 'node';
  readonly rest_api_port?: number;
  readonly grpc_socket_path?: string;
  readonly http_socket_path?: string;
  readonly otlp_endpoint?: string;
  readonly rest_api_enable_cors_support: boolean;
  readonly model_name?: string;
  readonly model_base_path?: string;
  readonly model_config_file?: string;
  readonly config?: string;
  readonly model_repository?: string;
  readonly model_control_mode: 'none' | 'poll' | 'explicit';
  readonly repository_poll_secs?: number;
  readonly load_model?: readonly string[];
  readonly strict_readiness: boolean;
  readonly exit_on_error: boolean;
  readonly version_order: 'load-first' | 'unload-first';
  readonly allow_version_labels_for_unavailable_models: boolean;
}

export type ServeFlags = OwnFlags & LimitFlags;

export const TENSORFLOW_SERVING_FLAGS = [
  'rest_api_port',
  'grpc_socket_path',
  'rest_api_timeout_in_ms',
  'rest_api_enable_cors_support',
  'model_name',
  'model_base_path',
  'model_config_file',
  'allow_version_labels_for_unavailable_models',
] as const;

/** Of a model repository. */
export const TRITON_SERVE_FLAGS = [
  'model_repository',
  'model_control_mode',
  'repository_poll_secs',
  'load_model',
  'strict_readiness',
  'exit_on_error',
] as const;

const OWN_FLAGS: FlagParametersForType<OwnFlags, CliContext> = {
  port: {
    kind: 'parsed',
    parse: parsePort,
    optional: true,
    placeholder: 'PORT',
    brief:
      'Port of HTTP and gRPC, 0 for a free one (default 8501); of gRPC alone if --rest_api_port is given too',
  },
  host: {
    kind: 'parsed',
    parse: String,
    default: '127.0.0.1',
    placeholder: 'ADDRESS',
    brief: 'Address to listen on',
  },
  engines: {
    kind: 'parsed',
    parse: parseAutoCount,
    default: 'auto',
    placeholder: 'N|auto',
    brief: 'Engine processes of one model',
  },
  threads: {
    kind: 'parsed',
    parse: parseAutoCount,
    default: 'auto',
    placeholder: 'N|auto',
    brief: 'Threads inside one run',
  },
  profile: {
    kind: 'enum',
    values: ['auto', 'throughput', 'latency'],
    default: 'auto',
    brief: 'What engines and threads are chosen for',
  },
  allow_oversubscription: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Allow engines x threads beyond the usable cores',
  },
  device: {
    kind: 'parsed',
    parse: parseDevice,
    default: 'cpu',
    placeholder: 'cpu|cuda:N',
    brief: 'What engines compute on; a GPU needs the CUDA provider of onnxruntime-node',
  },
  access_log: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'One JSON line per request on stderr',
  },
  auth_keys: {
    kind: 'parsed',
    parse: parsePath,
    optional: true,
    placeholder: 'FILE',
    brief: 'Ask every caller for an API key of this file; skylift keys makes them',
  },
  auth_pepper: {
    kind: 'parsed',
    parse: parsePath,
    optional: true,
    placeholder: 'FILE',
    brief: 'The pepper of the key file (default FILE.pepper beside it)',
  },
  compress_replies: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Compress replies of HTTP for clients that ask for it',
  },
  tls_cert: {
    kind: 'parsed',
    parse: parsePath,
    optional: true,
    placeholder: 'FILE',
    brief: 'Speak HTTPS and gRPC over TLS with this certificate (PEM), read again when it changes',
  },
  tls_key: {
    kind: 'parsed',
    parse: parsePath,
    optional: true,
    placeholder: 'FILE',
    brief: 'The private key of the certificate (PEM, without passphrase)',
  },
  tls_client_ca: {
    kind: 'parsed',
    parse: parsePath,
    optional: true,
    placeholder: 'FILE',
    brief: 'Take clients only with a certificate that this CA has signed (PEM)',
  },
  allow_remote_admin: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Without keys: load and unload models for callers of other machines, too',
  },
  http_backend: {
    kind: 'enum',
    values: ['fast', 'node'],
    default: 'fast',
    brief: 'Who reads HTTP: the strict reader of Skylift, or the one of Node, without gRPC on its port',
  },
  rest_api_port: {
    kind: 'parsed',
    parse: parsePort,
    optional: true,
    placeholder: 'PORT',
    brief: 'Port of HTTP, as --port',
  },
  grpc_socket_path: {
    kind: 'parsed',
    parse: String,
    optional: true,
    placeholder: 'PATH',
    brief: 'UNIX socket of gRPC, instead of the port of HTTP',
  },
  http_socket_path: {
    kind: 'parsed',
    parse: parsePath,
    optional: true,
    placeholder: 'PATH',
    brief: 'UNIX socket of HTTP, beside a port that is given, else instead of one',
  },
  otlp_endpoint: {
    kind: 'parsed',
    parse: String,
    optional: true,
    placeholder: 'URL',
    brief: 'Send traces to this OpenTelemetry collector (OTLP over HTTP), as OTEL_EXPORTER_OTLP_ENDPOINT',
  },
  rest_api_enable_cors_support: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Answer browsers of other origins',
  },
  model_name: {
    kind: 'parsed',
    parse: String,
    optional: true,
    placeholder: 'NAME',
    brief: 'Name of the one model',
  },
  model_base_path: {
    kind: 'parsed',
    parse: String,
    optional: true,
    placeholder: 'PATH',
    brief: 'Path of the one model',
  },
  model_config_file: {
    kind: 'parsed',
    parse: String,
    optional: true,
    placeholder: 'FILE',
    brief: 'Models, version policies and labels, as TensorFlow Serving writes them',
  },
  config: {
    kind: 'parsed',
    parse: parsePath,
    optional: true,
    placeholder: 'FILE',
    brief: 'Flags by their names, and models, as JSON; the command line and the environment stand above it',
  },
  model_repository: {
    kind: 'parsed',
    parse: parsePath,
    optional: true,
    placeholder: 'DIR',
    brief:
      'Serve the models of this folder, each with its config.pbtxt, as Triton does; takes its flags, too',
  },
  model_control_mode: {
    kind: 'enum',
    values: ['none', 'poll', 'explicit'],
    default: 'none',
    brief: 'Load all models at the start (none), also what changes (poll), or what is asked for (explicit)',
  },
  repository_poll_secs: {
    kind: 'parsed',
    parse: parseSeconds,
    optional: true,
    placeholder: 'SECONDS',
    brief: 'Pause between two looks at the repository, as --version_poll_ms',
  },
  load_model: {
    kind: 'parsed',
    parse: String,
    optional: true,
    variadic: true,
    placeholder: 'NAME',
    brief: 'With explicit: load this model at the start; * is all of them',
  },
  strict_readiness: {
    kind: 'boolean',
    default: true,
    withNegated: false,
    brief: 'Ready when all models answer; false: when the server does',
  },
  exit_on_error: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'End the start when a model of the repository cannot be served; otherwise the others are served',
  },
  version_order: {
    kind: 'enum',
    values: ['load-first', 'unload-first'],
    default: 'load-first',
    brief: 'Whether a new version answers before the old one goes, or takes its memory',
  },
  allow_version_labels_for_unavailable_models: {
    kind: 'boolean',
    default: false,
    withNegated: false,
    brief: 'Let a changed config file label versions that do not answer yet',
  },
};

/** One flag per limit; the table is the only place that knows them. */
export const LIMIT_FLAGS = Object.fromEntries(
  LIMIT_NAMES.map((name) => [
    name,
    {
      kind: 'parsed',
      parse: (text: string) => parseLimit(name, text),
      optional: true,
      placeholder: LIMITS[name].unit.toUpperCase(),
      brief: `${LIMITS[name].why} (default ${LIMITS[name].default})`,
    },
  ]),
) as FlagParametersForType<LimitFlags, CliContext>;

export const SERVE_FLAGS: FlagParametersForType<ServeFlags, CliContext> = { ...OWN_FLAGS, ...LIMIT_FLAGS };
