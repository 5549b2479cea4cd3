/** Opens the listening socket of any node:net server, with errors that name the address. */
import { lstatSync } from 'node:fs';
import { chmod, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Server } from 'node:net';
import { SkyliftError } from '../../../core/errors.ts';
import type { BoundAddress, ListenAddress } from './wire.ts';

const BACKLOG = 4096; // connections that wait to be accepted; the kernel's somaxconn may be lower

/** Owner and group, whatever the umask: who reaches the socket counts as a caller of this machine. */
const SOCKET_MODE = 0o660;

/** Resolves when the server listens. Throws SKY_PORT_IN_USE, SKY_CONFIG_INVALID. */
export async function bind(server: Server, address: ListenAddress): Promise<void> {
  if ('host' in address && address.host === '') throw emptyHost();
  if ('socketPath' in address) await removeLeftover(address.socketPath);
  const place = 'socketPath' in address ? { path: address.socketPath } : address;
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(bindError(error, address));
    server.once('error', onError);
    server.listen({ ...place, backlog: BACKLOG }, () => {
      server.off('error', onError);
      resolve();
    });
  });
  if ('socketPath' in address && process.platform !== 'win32') await chmod(address.socketPath, SOCKET_MODE);
}

/** A server that was killed leaves its socket behind, which then refuses everybody. Files of other kinds stay. */
async function removeLeftover(path: string): Promise<void> {
  if (await isRefusing(path)) await unlink(path).catch(() => {}); // if it cannot be removed, listening says so
}

function isRefusing(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (isRefused: boolean): void => {
      socket.destroy();
      resolve(isRefused);
    };
    socket.once('connect', () => done(false));
    socket.once('error', (error: NodeJS.ErrnoException) =>
      done(error.code === 'ECONNREFUSED' && lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true),
    );
  });
}

/** `127.0.0.1:80`, `[::1]:80`: as it stands in a URL (RFC 3986 section 3.2.2). */
export function hostAndPort({ host, port }: BoundAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Node would listen on every address of the machine. */
function emptyHost(): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', 'the host to listen on is empty', {
    hint: 'Give an address of this machine, or 0.0.0.0 for all of them.',
  });
}

function bindError(error: NodeJS.ErrnoException, address: ListenAddress): SkyliftError {
  const where = 'socketPath' in address ? address.socketPath : hostAndPort(address);
  if (error.code === 'EADDRINUSE')
    return new SkyliftError('SKY_PORT_IN_USE', `${where} is already in use`, {
      cause: error,
      details: { address: where },
    });
  return new SkyliftError('SKY_CONFIG_INVALID', `cannot listen on ${where}: ${error.code ?? error.message}`, {
    cause: error,
    hint: 'Give an address of this machine and a port that this user may open.',
  });
}
