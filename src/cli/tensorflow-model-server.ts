/** The `tensorflow_model_server` program: TensorFlow Serving's command line in front of the same server. */
import { isSkyliftError, SkyliftError, toSkyliftError, unreachable } from '../core/errors.ts';
import { LIMITS } from '../core/limits.ts';
import type { Limits } from '../core/limits.ts';
import { LIMIT_NAMES, parseLimit } from './flag-values.ts';
import { productVersions } from '../core/product.ts';
import type { Environment } from './environment-flags.ts';
import { tracingIn } from './otel-environment.ts';
import { printable } from './render/printable.ts';
import { runAsProcess } from './run-process.ts';
import type { ServingPlan } from './serve-until-stopped.ts';
import type { AuthOptions, GrpcOptions, ServeEvent, ServeOptions, TlsPaths } from '../index.ts';
import { parseTensorflowCommandLine } from './tensorflow-command-line.ts';
import type { FileOptions } from './tensorflow-files.ts';
import type { TensorflowCommandLine } from './tensorflow-command-line.ts';
import { TENSORFLOW_FLAGS, tensorflowUsage } from './tensorflow-flags.ts';
import type { CliProcess } from './terminal.ts';

/** What a shell shows for the original's -1. */
const FAILED = 255;

const DEFAULT_GRPC_PORT = 8500;

/** Runs one command line. Never rejects; resolves with the exit code. */
export async function tensorflowModelServer(argv: readonly string[], streams: CliProcess): Promise<number> {
  const line = parseTensorflowCommandLine(argv);
  const say = (text: string): void => void streams.stderr.write(`${printable(text)}\n`);
  if (line.failures.length > 0) {
    for (const failure of line.failures) say(failure);
    streams.stdout.write(tensorflowUsage());
    return FAILED;
  }
  if (isOn(line, 'version')) streams.stdout.write(versionText());
  else if (isOn(line, 'help')) streams.stdout.write(tensorflowUsage());
  else return serveAsOriginal(line, streams, say);
  return 0;
}

/** Runs the program as this process. */
export function runProcess(): Promise<never> {
  return runAsProcess(tensorflowModelServer);
}

async function serveAsOriginal(
  line: TensorflowCommandLine,
  streams: CliProcess,
  say: (text: string) => void,
): Promise<number> {
  const [unknown] = line.unknown;
  if (unknown !== undefined) streams.stdout.write(`unknown argument: ${unknown}\n${tensorflowUsage()}`);
  for (const warning of warnings(line)) say(warning);
  try {
    const { serveUntilStopped } = await import('./serve-until-stopped.ts');
    const plan = servingPlan(line, say, streams.env);
    const { threads, ...fromFiles } = await optionsInFiles(line, say);
    const flagThreads = plan.options.threads?.threads;
    await serveUntilStopped({
      ...plan,
      options: { ...plan.options, ...fromFiles, ...(flagThreads === undefined && threads && { threads }) },
    });
    return 0;
  } catch (error) {
    if (!isSkyliftError(error)) say(String(error instanceof Error ? error.stack : error));
    return explainFailure(line, toSkyliftError(error), say);
  }
}

async function optionsInFiles(
  line: TensorflowCommandLine,
  say: (text: string) => void,
): Promise<FileOptions> {
  const { optionsOfFiles } = await import('./tensorflow-files.ts');
  const text = (flag: string): string => line.given.get(flag) ?? '';
  return optionsOfFiles({ text, isOn: (flag) => isOn(line, flag), limits: limitsOf(line) }, say);
}

/** One line per given flag that has no effect here. */
export function warnings({ given }: TensorflowCommandLine): readonly string[] {
  const silent = TENSORFLOW_FLAGS.filter(({ name, support }) => support !== 'supported' && given.has(name));
  return silent.map(
    ({ name, support, meaning }) =>
      `--${name} is ${support === 'ignored' ? 'ignored' : 'not supported yet'}: ${meaning}`,
  );
}

/** What to serve and where. Throws SKY_USAGE for what the original refuses too, and for nothing to serve. */
export function servingPlan(
  line: TensorflowCommandLine,
  say: (text: string) => void,
  env: Environment = {},
): ServingPlan {
  const { given } = line;
  const host = given.get('host') ?? '0.0.0.0';
  const port = Number(given.get('rest_api_port') ?? 0);
  const grpcPort = Number(given.get('port') ?? DEFAULT_GRPC_PORT);
  const socketPath = given.get('grpc_socket_path') ?? '';
  const httpSocketPath = given.get('http_socket_path') ?? '';
  requireServable(line);
  requirePorts(port, grpcPort, socketPath || httpSocketPath);
  requireKnownSecrets(line);
  const auth = authOf(line);
  const tls = tlsOf(line);
  const sslConfigFile = sslConfigOf(line, grpcPort);
  const threads =
    Number(given.get('tensorflow_session_parallelism') ?? 0) ||
    Number(given.get('tensorflow_intra_op_parallelism') ?? 0);
  return {
    options: {
      ...modelsOf(line),
      http: (port !== 0 || httpSocketPath !== '') && {
        ...placesOf(host, port, httpSocketPath),
        cors: isOn(line, 'rest_api_enable_cors_support'),
        compress: isOn(line, 'compress_replies'),
        backend: wordOf(line, 'http_backend', ['fast', 'node']),
      },
      grpc: (grpcPort !== 0 || socketPath !== '') && {
        ...placesOf(host, grpcPort, socketPath),
        ...(sslConfigFile !== undefined && { sslConfigFile }),
        tensorContent: isOn(line, 'enable_serialization_as_tensor_content'),
      },
      ...(auth && { auth }),
      onEvent: (event) => sayEvent(event, say),
      order: wordOf(line, 'version_order', ['load-first', 'unload-first']),
      ...(tls && { tls }),
      ...tracingOf(line, env),
      allowRemoteAdmin: isOn(line, 'allow_remote_admin'),
      limits: limitsOf(line),
      ...warmUpOf(line),
      threads: threads > 0 ? { threads } : {},
    },
    logLevel: 'info',
    accessLog: isOn(line, 'access_log'),
    async onReady() {
      const ports = [grpcPort, port].filter((each) => each !== 0);
      if (!auth && (host === '0.0.0.0' || host === '::') && ports.length > 0)
        say(
          `WARNING: everybody who reaches this machine on port ${ports.join(' or ')} may use the model; --host=127.0.0.1 closes it, --auth-keys=FILE asks for keys`,
        );
      if (grpcPort !== 0) say(`Running gRPC ModelServer at ${host}:${grpcPort} ...`);
      if (socketPath !== '') say(`Running gRPC ModelServer at UNIX socket ${socketPath} ...`);
      if (port !== 0) say(`Exporting HTTP/REST API at:localhost:${port} ...`);
      if (httpSocketPath !== '') say(`Exporting HTTP/REST API at UNIX socket ${httpSocketPath} ...`);
    },
    onStop: (signal) => say(`${signal}: finishing requests in flight ...`),
  };
}

/** Port 0 and an empty path: none, as in the original. */
function placesOf(
  host: string,
  port: number,
  socketPath: string,
): Pick<GrpcOptions, 'host' | 'port' | 'socketPath'> {
  return { host, ...(port !== 0 && { port }), ...(socketPath !== '' && { socketPath }) };
}

/** As in the original the config file is what counts when both are given. */
function modelsOf({ given, ...line }: TensorflowCommandLine): Partial<ServingPlan['options']> {
  const file = given.get('model_config_file') ?? '';
  if (file === '')
    return { models: { [given.get('model_name') ?? 'default']: given.get('model_base_path') ?? '' } };
  const allowEarlyLabels = isOn({ given, ...line }, 'allow_version_labels_for_unavailable_models');
  return { modelConfigFile: file, allowEarlyLabels };
}

/** In the words of the original: people search their logs for them. */
function sayEvent(event: ServeEvent, say: (text: string) => void): void {
  if (event.kind === 'listening') return;
  const version = `servable version {name: ${event.model} version: ${event.version}}`;
  switch (event.kind) {
    case 'loading':
      return say(`Loading ${version}`);
    case 'loaded':
      return say(`Successfully loaded ${version}`);
    case 'failed':
      return say(`Failed to load ${version}: ${event.error.code} ${event.error.message}`);
    case 'changing':
      return say(`Waiting for ${version}: its files still change`);
    case 'unloading':
      return say(`Unloading ${version}`);
    case 'unloaded':
      return say(`Done unloading ${version}`);
    default:
      return unreachable(event);
  }
}

/** One of the words of a flag. Throws SKY_USAGE for another one. */
function wordOf<Word extends string>(
  { given }: TensorflowCommandLine,
  flag: string,
  [usual, other]: readonly [Word, Word],
): Word {
  const word = given.get(flag) ?? usual;
  if (word === usual || word === other) return word as Word; // just compared
  throw refused(`--${flag}=${word} is neither ${usual} nor ${other}`, `--${flag}=${usual}`);
}

/** A misspelled flag goes by elsewhere, as in the original; one that was to ask for keys or to secure a port must not. */
function requireKnownSecrets({ unknown }: TensorflowCommandLine): void {
  const strange = unknown.find((argument) => /^--?(?:auth|tls|ssl)/i.test(argument));
  if (strange === undefined) return;
  throw refused(
    `${strange} is no flag`,
    /auth/i.test(strange) ? '--auth-keys=FILE' : '--ssl_config_file=FILE, or --tls-cert=FILE --tls-key=FILE',
  );
}

/** Throws SKY_USAGE for a part without the others, and for an empty variable of a shell. */
function tlsOf({ given }: TensorflowCommandLine): TlsPaths | undefined {
  const [certFile, keyFile, clientCaFile] = ['tls_cert', 'tls_key', 'tls_client_ca'].map((flag) =>
    given.get(flag),
  );
  if (certFile === undefined && keyFile === undefined && clientCaFile === undefined) return undefined;
  if (!certFile || !keyFile || clientCaFile === '')
    throw refused('TLS needs a certificate and its private key', '--tls-cert=FILE --tls-key=FILE');
  return { certFile, keyFile, ...(clientCaFile !== undefined && { clientCaFile }) };
}

/** Empty as in the original: none. */
function sslConfigOf({ given }: TensorflowCommandLine, grpcPort: number): string | undefined {
  const file = given.get('ssl_config_file') ?? '';
  if (file === '') return undefined;
  if (grpcPort === 0)
    throw refused(`--ssl_config_file=${file} secures the port of gRPC, which is off`, '--port=8500');
  return file;
}

/** 0 is once, as in the original. */
function warmUpOf({ given }: TensorflowCommandLine): Pick<ServingPlan['options'], 'recordedRequests'> {
  if (given.get('enable_model_warmup') === 'false') return { recordedRequests: false };
  const iterations = Number(given.get('num_request_iterations_for_warmup') ?? 0);
  return iterations > 1 ? { recordedRequests: iterations } : {};
}

/** An empty flag asks for nothing. */
function tracingOf({ given }: TensorflowCommandLine, env: Environment): Pick<ServeOptions, 'tracing'> {
  const tracing = tracingIn(env, given.get('otlp_endpoint') || undefined);
  return tracing ? { tracing } : {};
}

function authOf({ given }: TensorflowCommandLine): AuthOptions | undefined {
  const keysFile = given.get('auth_keys');
  const pepperFile = given.get('auth_pepper');
  if (keysFile === '' || (keysFile === undefined && pepperFile !== undefined))
    throw refused('keys are to be asked for, but of no file', '--auth-keys=FILE');
  return keysFile === undefined ? undefined : { keysFile, ...(pepperFile !== undefined && { pepperFile }) };
}

function requireServable({ given }: TensorflowCommandLine): void {
  const isEmpty = (flag: string): boolean => (given.get(flag) ?? '') === '';
  if (isEmpty('model_base_path') && isEmpty('model_config_file'))
    throw refused(
      'Both server_options.model_base_path and server_options.model_config_file are empty!',
      '--model_base_path=PATH',
    );
  if (given.has('batching_parameters_file') && given.get('enable_batching') !== 'true')
    throw refused(
      'server_options.batching_parameters_file is set without setting server_options.enable_batching to true.',
      '--enable_batching',
    );
  const parallelism = ['session', 'intra_op', 'inter_op'].map((kind) =>
    Number(given.get(`tensorflow_${kind}_parallelism`) ?? 0),
  );
  if (parallelism.every((count) => count > 0))
    throw refused(
      'Either configure server_options.tensorflow_session_parallelism or (server_options.tensorflow_intra_op_parallelism, server_options.tensorflow_inter_op_parallelism) separately. You cannot configure all.',
      'Give --tensorflow_session_parallelism alone.',
    );
}

function requirePorts(port: number, grpcPort: number, socketPath: string): void {
  for (const [name, value] of [
    ['rest_api_port', port],
    ['port', grpcPort],
  ] as const)
    if (value < 0 || value > 65_535)
      throw refused(`--${name}=${value} is no port`, `--${name}=0 switches it off`);
  if (port === 0 && grpcPort === 0 && socketPath === '')
    throw refused(
      'nothing to serve: --rest_api_port and --port are 0, --grpc_socket_path and --http_socket_path are empty',
      '--rest_api_port=8501',
    );
  if (port !== 0 && port === grpcPort)
    throw refused(
      `server_options.http_port cannot be same as grpc_port. Please use a different port for HTTP/REST API. (${port})`,
      '--rest_api_port=8501 --port=8500',
    );
}

/** The original waits for a first version as long as it takes, and counts in other units. */
function limitsOf(line: TensorflowCommandLine): Partial<Limits> {
  const pollSeconds = line.given.get('file_system_poll_wait_seconds');
  const configSeconds = line.given.get('model_config_file_poll_wait_seconds');
  const retryMicros = line.given.get('load_retry_interval_micros');
  return {
    model_wait_ms: LIMITS.model_wait_ms.max,
    ...(pollSeconds !== undefined && { version_poll_ms: Math.max(0, Number(pollSeconds) * 1000) }),
    ...(configSeconds !== undefined && { config_poll_ms: Math.max(0, Number(configSeconds) * 1000) }),
    ...(retryMicros !== undefined && { load_retry_interval_ms: Math.round(Number(retryMicros) / 1000) }),
    ...Object.fromEntries(LIMIT_NAMES.flatMap((name) => limitOf(line, name))),
  };
}

function limitOf({ given }: TensorflowCommandLine, name: (typeof LIMIT_NAMES)[number]): [string, number][] {
  const text = given.get(name);
  if (text === undefined) return [];
  try {
    return [[name, parseLimit(name, text)]];
  } catch (error) {
    throw refused(`--${name}=${text}: ${toSkyliftError(error).message}`, `--${name}=${LIMITS[name].default}`);
  }
}

function explainFailure(
  { given }: TensorflowCommandLine,
  error: SkyliftError,
  say: (text: string) => void,
): number {
  if (error.code === 'SKY_INTERRUPTED') return error.exitCode;
  const restPort = given.get('rest_api_port') ?? '0';
  if (error.code === 'SKY_PORT_IN_USE' && String(error.details['address']).endsWith(`:${restPort}`))
    say(`Failed to start HTTP Server at localhost:${restPort}`);
  if (isAboutConfigFile(error, given.get('model_config_file') ?? ''))
    say('Error parsing text-format tensorflow.serving.ModelServerConfig');
  say(`Failed to start server. Error: ${error.code} ${error.message}`);
  say(`  Fix:  ${error.hint}\n  Docs: ${error.docs}`);
  return FAILED;
}

/** Errors in a text name its file, line and column. */
function isAboutConfigFile({ message }: SkyliftError, file: string): boolean {
  return file !== '' && message.startsWith(`${file}:`);
}

function isOn({ given }: TensorflowCommandLine, name: string): boolean {
  return given.get(name) === 'true';
}

function refused(message: string, hint: string): SkyliftError {
  return new SkyliftError('SKY_USAGE', message, { hint });
}

function versionText(): string {
  const { skylift, onnxruntime } = productVersions();
  return `TensorFlow ModelServer: ${skylift}\nTensorFlow Library: none (Skylift ${skylift}, onnxruntime ${onnxruntime ?? 'not installed'})\n`;
}

if (import.meta.main) await runProcess();
