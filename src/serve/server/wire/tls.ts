/**
 * TLS below the wire back-ends: a listener that shows the certificate in force, bounds its handshakes and tells of failed
 * ones. What it hands on is a socket like any other.
 */
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import type { SecureContextOptions, Server as TlsServer, TlsOptions, TLSSocket } from 'node:tls';
import type { Limits } from '../../../core/limits.ts';
import type { Log } from '../../../core/log.ts';
import type { DrainedConnection } from './drain.ts';
import type { DropLog } from './drop-log.ts';

/** Where listeners get their certificate from. */
export interface WireTls {
  /** What a new handshake is made with. */
  readonly context: SecureContextOptions;
  /** Clients must show a certificate that was signed by the CA of `context`. Stays as it is. */
  readonly asksClients: boolean;
  /** Calls `fn` with every context that comes into force. @returns ends that */
  onChange(fn: (context: SecureContextOptions) => void): () => void;
}

/**
 * Protocols that a listener takes by ALPN (RFC 7301), the preferred one first. Clients of REST that know HTTP/2 offer both,
 * those of gRPC offer h2 alone: where both are spoken HTTP/1.1 comes first, else REST would end at gRPC.
 */
export const ALPN = { http: ['http/1.1', 'http/1.0'], grpc: ['h2'], both: ['http/1.1', 'http/1.0', 'h2'] };

export interface SecureListenerOptions {
  readonly tls: WireTls;
  readonly limits: Limits;
  readonly log: Log;
  readonly dropLog: DropLog;
}

/** Options of a server of node:tls or node:https. */
export function tlsServerOptions(tls: WireTls, limits: Limits, protocols: readonly string[]): TlsOptions {
  return {
    ...secured(tls.context),
    requestCert: tls.asksClients,
    rejectUnauthorized: tls.asksClients,
    ALPNProtocols: [...protocols],
    handshakeTimeout: limits.header_timeout_ms,
  };
}

/** The connections of a TLS server from their first byte on; all of them count, those without a handshake too. */
export class SecureListener implements DrainedConnection {
  readonly #sockets = new Set<Socket>();

  constructor(server: TlsServer, { tls, limits, log, dropLog }: SecureListenerOptions) {
    server.maxConnections = limits.max_connections;
    server.on('drop', () => dropLog.dropped(limits.max_connections));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.on('tlsClientError', (error, socket) => {
      log('debug', 'a TLS handshake failed', { reason: reasonOf(error, socket) });
      socket.destroy();
    });
    const end = tls.onChange((context) => server.setSecureContext(secured(context)));
    server.once('close', end);
  }

  /** Handshakes may go on: they have a time of their own. */
  closeIfIdle(): void {}

  expire(): void {}

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** TLS 1.2 at least (RFC 8996), ciphers as Node has them, nothing is negotiated again. */
function secured(context: SecureContextOptions): SecureContextOptions {
  return { ...context, minVersion: 'TLSv1.2', secureOptions: constants.SSL_OP_NO_RENEGOTIATION };
}

/** Of a client whose certificate is refused the error says only that it is cut off. */
function reasonOf(error: NodeJS.ErrnoException, { authorizationError }: TLSSocket): string {
  const refusal: unknown = authorizationError; // its code, whatever its type says
  return typeof refusal === 'string' ? refusal : (error.code ?? error.message);
}
