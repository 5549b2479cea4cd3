/** Where a server listens and what it speaks there: one port for HTTP and gRPC, or separate ones. */
import { SkyliftError } from '../core/errors.ts';
import { createFastHttpBackend } from '../serve/server/wire/fast/backend.ts';
import type { FastHttpOptions } from '../serve/server/wire/fast/backend.ts';
import { createNodeHttpBackend } from '../serve/server/wire/node/backend.ts';
import { hostAndPort } from '../serve/server/wire/bind.ts';
import type { WireTls } from '../serve/server/wire/tls.ts';
import type { BoundAddress, ListenAddress, WireBackend } from '../serve/server/wire/wire.ts';

export interface HttpOptions {
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** 0 takes a free one. @default 8501; none beside a socket */
  readonly port?: number;
  /** Path of a UNIX socket, beside a port or instead of one. */
  readonly socketPath?: string;
  /** Answers browsers of other origins. @default false */
  readonly cors?: boolean;
  /** Compresses replies for clients that ask for it. @default false */
  readonly compress?: boolean;
  /** Who reads HTTP: the strict reader of Skylift, or node:http. @default fast */
  readonly backend?: 'fast' | 'node';
}

/** Places of its own for gRPC; without any it is spoken where HTTP is. */
export interface GrpcOptions {
  /** @default the host of HTTP */
  readonly host?: string;
  /** 0 takes a free one. */
  readonly port?: number;
  /** Path of a UNIX socket. */
  readonly socketPath?: string;
  /** TensorFlow Serving's SSLConfig: TLS for the port of gRPC alone, which then needs one of its own. */
  readonly sslConfigFile?: string;
  /** TensorFlow Serving's replies carry `tensor_content` instead of the typed fields. @default false */
  readonly tensorContent?: boolean;
}

/** One listening socket. */
export interface Listener {
  readonly speaks: 'http' | 'grpc' | 'both';
  readonly address: ListenAddress;
  readonly backend: WireBackend;
  readonly isTls: boolean;
}

/** What secures the ports; sockets of this machine stay plain. */
export interface ListenerTls {
  readonly http: WireTls | undefined;
  readonly grpc: WireTls | undefined;
}

export interface ListenerOptions {
  readonly http?: HttpOptions | false | undefined;
  readonly grpc?: GrpcOptions | false | undefined;
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/i;
const DEFAULT_HOST = '127.0.0.1';
const DEFAULT_PORT = 8501;

type Wire = Omit<FastHttpOptions, 'speaks' | 'tls'>;

/** The listeners, those of gRPC first, as in TensorFlow Serving. Throws SKY_CONFIG_INVALID when there is none. */
export function planListeners(
  { http = {}, grpc = {} }: ListenerOptions,
  wire: Wire,
  tls: ListenerTls,
): Listener[] {
  const host = http === false ? DEFAULT_HOST : (http.host ?? DEFAULT_HOST);
  const places = grpc === false ? [] : grpcPlaces(grpc, host);
  const listeners = places.map((address) => grpcListener(address, wire, tls.grpc));
  if (http !== false) {
    const speaks = grpc === false || places.length > 0 || http.backend === 'node' ? 'http' : 'both';
    for (const address of httpPlaces(http, host))
      listeners.push(httpListener(http, address, speaks, { ...wire, tls: tls.http }));
  }
  if (listeners.length === 0)
    throw new SkyliftError('SKY_CONFIG_INVALID', 'there is no port and no socket to serve on', {
      hint: 'Give a port for HTTP or for gRPC.',
    });
  return listeners;
}

function grpcListener(address: ListenAddress, wire: Wire, ofPorts: WireTls | undefined): Listener {
  const tls = 'socketPath' in address ? undefined : ofPorts;
  const backend = createFastHttpBackend({ ...wire, speaks: 'grpc', tls });
  return { speaks: 'grpc', address, backend, isTls: tls !== undefined };
}

function httpListener(
  { backend }: HttpOptions,
  address: ListenAddress,
  speaks: 'http' | 'both',
  { tls: ofPorts, ...rest }: Omit<FastHttpOptions, 'speaks'>,
): Listener {
  const tls = 'socketPath' in address ? undefined : ofPorts;
  const wire = { ...rest, tls };
  return {
    speaks,
    address,
    backend: backend === 'node' ? createNodeHttpBackend(wire) : createFastHttpBackend({ ...wire, speaks }),
    isTls: tls !== undefined,
  };
}

/** Only processes of this machine reach it. */
export function isLocal({ address }: Listener): boolean {
  return 'socketPath' in address || LOOPBACK.test(address.host);
}

/** `http://127.0.0.1:8501`, `unix:/run/skylift.sock`: as clients of ours name a server. */
export function httpUrl({ address, isTls }: Listener, bound: BoundAddress): string {
  if ('socketPath' in address) return `unix:${address.socketPath}`;
  return `${isTls ? 'https' : 'http'}://${hostAndPort(bound)}`;
}

/** `127.0.0.1:8500`, `unix:/run/skylift.sock`: as gRPC clients name a server. */
export function grpcTarget(address: ListenAddress, bound: BoundAddress): string {
  return 'socketPath' in address ? `unix:${address.socketPath}` : hostAndPort(bound);
}

/** The port first: it is what most clients are told. */
function httpPlaces({ port, socketPath }: HttpOptions, host: string): ListenAddress[] {
  if (socketPath === undefined) return [{ host, port: port ?? DEFAULT_PORT }];
  return [...(port === undefined ? [] : [{ host, port }]), { socketPath }];
}

function grpcPlaces({ host, port, socketPath }: GrpcOptions, httpHost: string): ListenAddress[] {
  return [
    ...(port === undefined ? [] : [{ host: host ?? httpHost, port }]),
    ...(socketPath === undefined ? [] : [{ socketPath }]),
  ];
}
