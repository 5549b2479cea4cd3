/** Runs `skylift serve`. */
import { formatMs } from '../../core/units.ts';
import type { GrpcOptions, RunningServer, ServeEvent } from '../../index.ts';
import { announcement, describeModels } from '../announce.ts';
import type { CliContext } from '../define-command.ts';
import { limitsIn } from '../flag-values.ts';
import { servedModels } from '../served-models.ts';
import { serveUntilStopped } from '../serve-until-stopped.ts';
import type { ServingPlan } from '../serve-until-stopped.ts';
import type { Terminal } from '../terminal.ts';
import type { ServeFlags } from './serve-flags.ts';

const DEFAULT_PORT = 8501;
const LOCAL = /^(?:http:\/\/)?(?:127\.|\[::1\])|^unix:/;

/** Serves until a stop signal; prints what answers where once every model does. */
export async function runServe(context: CliContext, flags: ServeFlags, ...args: string[]): Promise<void> {
  const { terminal } = context;
  const models = servedModels(args, flags);
  await serveUntilStopped({
    options: serveOptions(flags, models, terminal),
    logLevel: terminal.flags.quiet ? 'error' : terminal.flags.verbose ? 'debug' : 'info',
    accessLog: flags.access_log,
    onReady: (server) => announce(server, models, terminal),
    onStop: (signal) => terminal.say(`${signal}: finishing requests in flight ...`),
  });
}

function serveOptions(
  flags: ServeFlags,
  models: Readonly<Record<string, string>>,
  terminal: Terminal,
): ServingPlan['options'] {
  return {
    models,
    http: {
      host: flags.host,
      port: flags.rest_api_port ?? flags.port ?? DEFAULT_PORT,
      cors: flags.rest_api_enable_cors_support,
      backend: flags.http_backend,
    },
    grpc: grpcPlaces(flags),
    limits: limitsIn(flags),
    threads: {
      profile: flags.profile,
      allowOversubscription: flags.allow_oversubscription,
      ...(flags.engines !== 'auto' && { engines: flags.engines }),
      ...(flags.threads !== 'auto' && { threads: flags.threads }),
    },
    onEvent: (event) => showEvent(event, terminal),
  };
}

/** Places of its own, if the flags name any. */
function grpcPlaces({ port, rest_api_port, grpc_socket_path }: ServeFlags): GrpcOptions {
  return {
    ...(port !== undefined && rest_api_port !== undefined && { port }),
    ...(grpc_socket_path !== undefined && { socketPath: grpc_socket_path }),
  };
}

function showEvent(event: ServeEvent, terminal: Terminal): void {
  switch (event.kind) {
    case 'listening': {
      const where = event.url || event.grpc;
      if (!LOCAL.test(where))
        terminal.say(
          `${terminal.paint('yellow', '!')} ${where}: everybody who reaches this machine may use the models.`,
        );
      return terminal.detail(`listening on ${where}, answering 503 until the models are loaded`);
    }
    case 'loading':
      return terminal.detail(`loading ${event.model} ...`);
    case 'loaded': {
      const { engines, curve, crowdRows } = event.report;
      const threads = engines[0]?.threads ?? 1;
      const one = curve.find((point) => point.rows === 1);
      const speed = one ? ` · one row ${formatMs(one.runUs / 1000)}` : '';
      const engineText = `${engines.length} engine${engines.length === 1 ? '' : 's'} x ${threads} thread${threads === 1 ? '' : 's'}`;
      terminal.say(
        `${terminal.paint('green', '✔')} ${event.model}: loaded in ${formatMs(event.durationMs)} · ${engineText}${speed} · batches of up to ${crowdRows}`,
      );
    }
  }
}

async function announce(
  server: RunningServer,
  paths: Readonly<Record<string, string>>,
  terminal: Terminal,
): Promise<void> {
  const models = await describeModels(server.url, paths);
  terminal.say(announcement(server, models));
  if (terminal.flags.json)
    terminal.result('', { url: server.url, grpc: server.grpc, pid: process.pid, models });
}
