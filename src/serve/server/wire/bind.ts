/** Opens the listening socket of any node:net server, with errors that name the address. */
import type { Server } from 'node:net';
import { SkyliftError } from '../../../core/errors.ts';
import type { ListenAddress } from './wire.ts';

const BACKLOG = 4096; // connections that wait to be accepted; the kernel's somaxconn may be lower

/** Resolves when the server listens. Throws SKY_PORT_IN_USE, SKY_CONFIG_INVALID. */
export function bind(server: Server, address: ListenAddress): Promise<void> {
  const place = 'socketPath' in address ? { path: address.socketPath } : address;
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(bindError(error, address));
    server.once('error', onError);
    server.listen({ ...place, backlog: BACKLOG }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

function bindError(error: NodeJS.ErrnoException, address: ListenAddress): SkyliftError {
  const where = 'socketPath' in address ? address.socketPath : `${address.host}:${address.port}`;
  if (error.code === 'EADDRINUSE')
    return new SkyliftError('SKY_PORT_IN_USE', `${where} is already in use`, { cause: error });
  return new SkyliftError('SKY_CONFIG_INVALID', `cannot listen on ${where}: ${error.code ?? error.message}`, {
    cause: error,
    hint: 'Give an address of this machine and a port that this user may open.',
  });
}
