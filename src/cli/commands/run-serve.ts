/** Runs `skylift serve`. */
import { SkyliftError } from '../../core/errors.ts';
import type { Limits } from '../../core/limits.ts';
import { formatMs } from '../../core/units.ts';
import type {
  GrpcOptions,
  HttpOptions,
  RunningServer,
  ServeEvent,
  ServeOptions,
  TracingOptions,
} from '../../index.ts';
import { announcement, describeModels } from '../announce.ts';
import type { ServedAs } from '../announce.ts';
import type { CliContext } from '../define-command.ts';
import { limitsIn } from '../flag-values.ts';
import { tracingIn } from '../otel-environment.ts';
import { servedModels } from '../served-models.ts';
import { serveUntilStopped } from '../serve-until-stopped.ts';
import type { ServingPlan } from '../serve-until-stopped.ts';
import type { Terminal } from '../terminal.ts';
import { SERVE_FLAGS } from './serve-flags.ts';
import type { ServeFlags } from './serve-flags.ts';

const DEFAULT_PORT = 8501;
const LOCAL = /^(?:https?:\/\/)?(?:127\.|\[::1\])|^unix:/;

/** Serves until a stop signal; prints what answers where once every model does. */
export async function runServe(context: CliContext, flags: ServeFlags, ...args: string[]): Promise<void> {
  const { terminal } = context;
  const models = (await modelsInFile(args, flags)) ?? modelsByPath(args, flags);
  const paths = Object.fromEntries(
    Object.entries(models).map(([name, model]) => [name, typeof model === 'string' ? model : model.path]),
  );
  await serveUntilStopped({
    options: serveOptions(flags, models, terminal),
    logLevel: terminal.flags.quiet ? 'error' : terminal.flags.verbose ? 'debug' : 'info',
    accessLog: flags.access_log,
    onReady: async (server) =>
      announce(server, { paths, asksForKeys: flags.auth_keys !== undefined }, terminal),
    onStop: (signal) => terminal.say(`${signal}: finishing requests in flight ...`),
  });
}

type Models = NonNullable<ServeOptions['models']>;

/** Those of `--config`, unless the command line or the environment say where models are. */
async function modelsInFile(args: readonly string[], flags: ServeFlags): Promise<Models | undefined> {
  const { config, model_base_path, model_config_file, model_repository } = flags;
  const others = [...args, model_base_path, model_config_file, model_repository];
  if (config === undefined || others.some((place) => place !== undefined)) return undefined;
  const { readServeConfig } = await import('../serve-config.ts');
  return (await readServeConfig(config, Object.keys(SERVE_FLAGS))).models;
}

/** A file or a repository has all models; another one beside it would be a contradiction. */
function modelsByPath(args: readonly string[], flags: ServeFlags): Readonly<Record<string, string>> {
  const places = (['model_config_file', 'model_repository'] as const).filter(
    (flag) => flags[flag] !== undefined,
  );
  const [place, another] = places;
  if (place === undefined) return servedModels(args, flags);
  if (another !== undefined)
    throw new SkyliftError('SKY_USAGE', `models are given by --${place} and by --${another}`, {
      hint: `Leave --${place} or --${another} away.`,
    });
  if (args.length === 0 && flags.model_base_path === undefined) return {};
  throw new SkyliftError('SKY_USAGE', `models are given by path and by --${place}`, {
    hint: `Put them all there, or leave --${place} away.`,
  });
}

function repositoryIn(flags: ServeFlags): Pick<ServeOptions, 'repository' | 'readyWithoutModels'> {
  const { model_repository: path, model_control_mode: control, load_model: load = [] } = flags;
  if (path === undefined) return {};
  if (load.length > 0 && control !== 'explicit')
    throw new SkyliftError('SKY_USAGE', `--load_model says nothing with --model_control_mode=${control}`, {
      hint: 'Give --model_control_mode=explicit, too, or leave --load_model away.',
    });
  return {
    repository: { path, control, load, exitOnError: flags.exit_on_error },
    readyWithoutModels: !flags.strict_readiness,
  };
}

/** Seconds of Triton are the pause of version polls here. */
function serveLimits(flags: ServeFlags): Partial<Limits> {
  const pollMs = flags.repository_poll_secs;
  return { ...(pollMs !== undefined && { version_poll_ms: Math.round(pollMs * 1000) }), ...limitsIn(flags) };
}

function serveOptions(flags: ServeFlags, models: Models, terminal: Terminal): ServingPlan['options'] {
  return {
    models,
    ...(flags.model_config_file !== undefined && { modelConfigFile: flags.model_config_file }),
    allowEarlyLabels: flags.allow_version_labels_for_unavailable_models,
    order: flags.version_order,
    http: {
      host: flags.host,
      ...httpPlaces(flags),
      cors: flags.rest_api_enable_cors_support,
      compress: flags.compress_replies,
      backend: flags.http_backend,
    },
    grpc: grpcPlaces(flags),
    ...repositoryIn(flags),
    limits: serveLimits(flags),
    device: flags.device,
    threads: {
      profile: flags.profile,
      allowOversubscription: flags.allow_oversubscription,
      ...(flags.engines !== 'auto' && { engines: flags.engines }),
      ...(flags.threads !== 'auto' && { threads: flags.threads }),
    },
    ...authIn(flags),
    ...tlsIn(flags),
    ...tracingOf(tracingIn(terminal.process.env, flags.otlp_endpoint)),
    allowRemoteAdmin: flags.allow_remote_admin,
    onEvent: (event) => showEvent(event, flags.auth_keys !== undefined, terminal),
  };
}

/** Next to a socket there is a port only if one is asked for. */
function httpPlaces({ port, rest_api_port, http_socket_path: socketPath }: ServeFlags): HttpOptions {
  const asked = rest_api_port ?? port;
  if (socketPath === undefined) return { port: asked ?? DEFAULT_PORT };
  return { socketPath, ...(asked !== undefined && { port: asked }) };
}

function tracingOf(tracing: TracingOptions | undefined): Pick<ServeOptions, 'tracing'> {
  return tracing ? { tracing } : {};
}

/** Places of its own, if the flags name any. */
function grpcPlaces({ port, rest_api_port, grpc_socket_path }: ServeFlags): GrpcOptions {
  return {
    ...(port !== undefined && rest_api_port !== undefined && { port }),
    ...(grpc_socket_path !== undefined && { socketPath: grpc_socket_path }),
  };
}

/** Throws SKY_USAGE for a pepper without keys: somebody thinks that keys are asked for. */
function authIn({ auth_keys: keysFile, auth_pepper: pepperFile }: ServeFlags): Pick<ServeOptions, 'auth'> {
  if (keysFile !== undefined) return { auth: { keysFile, ...(pepperFile !== undefined && { pepperFile }) } };
  if (pepperFile === undefined) return {};
  throw new SkyliftError('SKY_USAGE', '--auth-pepper says nothing without --auth-keys', {
    hint: 'Give the key file, too: --auth-keys=FILE',
  });
}

/** Throws SKY_USAGE for a part without the others: somebody thinks that the ports are secured. */
function tlsIn({
  tls_cert: certFile,
  tls_key: keyFile,
  tls_client_ca: clientCaFile,
}: ServeFlags): Pick<ServeOptions, 'tls'> {
  if (certFile !== undefined && keyFile !== undefined)
    return { tls: { certFile, keyFile, ...(clientCaFile !== undefined && { clientCaFile }) } };
  if (certFile === undefined && keyFile === undefined && clientCaFile === undefined) return {};
  throw new SkyliftError('SKY_USAGE', 'TLS needs a certificate and its private key', {
    hint: 'Give both: --tls-cert=FILE --tls-key=FILE',
  });
}

function showEvent(event: ServeEvent, asksForKeys: boolean, terminal: Terminal): void {
  switch (event.kind) {
    case 'listening': {
      const where = event.url || event.grpc;
      if (!asksForKeys && !LOCAL.test(where))
        terminal.say(
          `${terminal.paint('yellow', '!')} ${where}: everybody who reaches this machine may use the models; --auth-keys=FILE asks for keys.`,
        );
      return terminal.detail(`listening on ${where}, answering 503 until the models are loaded`);
    }
    case 'loading':
      return terminal.detail(`loading ${event.model}, version ${event.version} ...`);
    case 'changing':
      return terminal.detail(`${event.model}, version ${event.version}: files still change, waiting ...`);
    case 'unloading':
      return terminal.detail(`unloading ${event.model}, version ${event.version} ...`);
    case 'unloaded':
      return terminal.detail(`unloaded ${event.model}, version ${event.version}`);
    case 'failed': {
      const { code, message } = event.error;
      const next =
        event.retryInMs === undefined
          ? 'tried again when its files change'
          : `tried again in ${formatMs(event.retryInMs)}`;
      return terminal.say(
        `${terminal.paint('red', '✖')} ${event.model}, version ${event.version}: ${code} ${message}; ${next}`,
      );
    }
    case 'loaded': {
      const { engines, curve, crowdRows } = event.report;
      const threads = engines[0]?.threads ?? 1;
      const one = curve.find((point) => point.rows === 1);
      const speed = one ? ` · one row ${formatMs(one.runUs / 1000)}` : '';
      const engineText = `${engines.length} engine${engines.length === 1 ? '' : 's'} x ${threads} thread${threads === 1 ? '' : 's'}`;
      terminal.say(
        `${terminal.paint('green', '✔')} ${event.model}, version ${event.version}: loaded in ${formatMs(event.durationMs)} · ${engineText}${speed} · batches of up to ${crowdRows}`,
      );
    }
  }
}

function announce(server: RunningServer, servedAs: ServedAs, terminal: Terminal): void {
  const models = describeModels(server, servedAs);
  terminal.say(announcement(server, models));
  if (terminal.flags.json)
    terminal.result('', { url: server.url, grpc: server.grpc, pid: process.pid, models });
}
