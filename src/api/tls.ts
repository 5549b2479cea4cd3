/** The certificates of a server: one for all its ports, or TensorFlow Serving's SSLConfig for the port of gRPC. */
import { systemClock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { silentLog } from '../core/log.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { readSettingsFile, settingsText, UNREADABLE_HINT } from '../package/settings-file.ts';
import { parseSslConfig } from '../serve/protocols/tfserving/config/ssl-config.ts';
import { checkTlsMaterial } from '../serve/server/tls/tls-material.ts';
import { tlsFiles } from '../serve/server/tls/tls-source.ts';
import type { TlsPaths, TlsSource } from '../serve/server/tls/tls-source.ts';
import { TlsWatch } from '../serve/server/tls/tls-watch.ts';
import type { GrpcOptions, ListenerTls } from './listeners.ts';

export interface TlsServeOptions {
  /** PEM files of certificate and key, looked at every `tls_poll_ms`: HTTPS, and gRPC over TLS. @default plain */
  readonly tls?: TlsPaths;
  readonly grpc?: GrpcOptions | false;
  /** @default silent */
  readonly log?: Log;
}

interface Needs {
  readonly limits: Limits;
  readonly metrics: Metrics;
}

/** The certificates in force until they are closed. */
export interface ServerTls extends ListenerTls {
  close(): void;
}

/** Throws SKY_CONFIG_INVALID. */
export async function openTls(options: TlsServeOptions, needs: Needs): Promise<ServerTls> {
  const open = (source: TlsSource): Promise<TlsWatch> =>
    TlsWatch.open({ source, clock: systemClock, log: options.log ?? silentLog, ...needs });
  const sslConfigFile = sslConfigOf(options.grpc);
  const all = options.tls && (await open(tlsFiles(options.tls)));
  const ofGrpc =
    sslConfigFile === undefined
      ? undefined
      : await open(sslConfig(sslConfigFile)).catch((error: unknown) => {
          all?.close();
          throw error;
        });
  return {
    http: all,
    grpc: ofGrpc ?? all,
    close() {
      all?.close();
      ofGrpc?.close();
    },
  };
}

function sslConfigOf(grpc: TlsServeOptions['grpc']): string | undefined {
  if (grpc === undefined || grpc === false || grpc.sslConfigFile === undefined) return undefined;
  if (grpc.port !== undefined) return grpc.sslConfigFile;
  throw new SkyliftError(
    'SKY_CONFIG_INVALID',
    `${grpc.sslConfigFile} secures a port of gRPC that is not there`,
    {
      hint: 'Give gRPC a port of its own, or secure all ports with a certificate and a key file.',
    },
  );
}

function sslConfig(path: string): TlsSource {
  return {
    async read(maxBytes) {
      const file = await readSettingsFile(path, maxBytes, UNREADABLE_HINT);
      return {
        files: [file],
        parse() {
          const { cert, key, clientCa } = parseSslConfig(settingsText(file), path);
          return checkTlsMaterial({
            cert: { name: `server_cert of ${path}`, text: cert },
            key: { name: `server_key of ${path}`, text: key },
            clientCa: clientCa === undefined ? undefined : { name: `custom_ca of ${path}`, text: clientCa },
          });
        },
      };
    },
    isSecret: () => true,
  };
}
