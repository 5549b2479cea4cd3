/** Opens the listening socket of any node:net server, with errors that name the address. */
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { ListenOptions, Server } from 'node:net';
import { dirname, join } from 'node:path';
import { SkyliftError } from '../../../core/errors.ts';
import type { BoundAddress, ListenAddress } from './wire.ts';

const BACKLOG = 4096; // connections that wait to be accepted; the kernel's somaxconn may be lower

/** Owner and group, whatever the umask: who reaches the socket counts as a caller of this machine. */
const SOCKET_MODE = 0o660;

/** Resolves when the server listens, with where: `host` is the path of a socket. Throws SKY_PORT_IN_USE, SKY_CONFIG_INVALID. */
export async function bind(server: Server, address: ListenAddress): Promise<BoundAddress> {
  if ('host' in address && address.host === '') throw emptyHost();
  if ('host' in address) await listen(server, address, (error) => bindError(error, address));
  else if (process.platform === 'win32')
    await listen(server, { path: address.socketPath }, (error) => socketError(error, address.socketPath));
  else await bindSocket(server, address.socketPath);
  if ('socketPath' in address) return { host: address.socketPath, port: 0 };
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : address;
}

function listen(
  server: Server,
  place: ListenOptions,
  failure: (error: NodeJS.ErrnoException) => SkyliftError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(failure(error));
    server.once('error', onError);
    server.listen({ ...place, backlog: BACKLOG }, () => {
      server.off('error', onError);
      resolve();
    });
  });
}

/**
 * Under a name of its own first: whoever can connect finds the right mode, what a killed server left is replaced at once, and
 * the end of this server, where Node removes the name that it listened on, takes nobody else's socket away.
 */
async function bindSocket(server: Server, path: string): Promise<void> {
  await requirePlace(path);
  const ownName = join(dirname(path), `.s${randomBytes(3).toString('hex')}`);
  await listen(server, { path: ownName }, (error) => socketError(error, path));
  chmodSync(ownName, SOCKET_MODE);
  const { dev, ino } = lstatSync(ownName);
  renameSync(ownName, path);
  server.once('close', () => {
    const now = lstatSync(path, { throwIfNoEntry: false });
    if (now?.dev === dev && now.ino === ino) rmSync(path, { force: true });
  });
}

/** Nothing may be there but what a server left that was killed. Throws SKY_PORT_IN_USE, SKY_CONFIG_INVALID. */
async function requirePlace(path: string): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there === undefined || (there.isSocket() && (await isRefusing(path)))) return;
  if (there.isSocket())
    throw new SkyliftError('SKY_PORT_IN_USE', `${path} is already in use`, {
      details: { address: path },
      hint: 'Another server answers there: choose another path.',
    });
  throw new SkyliftError('SKY_CONFIG_INVALID', `${path} is there already, and no socket`, {
    hint: 'Choose another path, or move away what is there.',
  });
}

function isRefusing(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (isRefused: boolean): void => {
      socket.destroy();
      resolve(isRefused);
    };
    socket.once('connect', () => done(false));
    socket.once('error', (error: NodeJS.ErrnoException) => done(error.code === 'ECONNREFUSED'));
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

function bindError(error: NodeJS.ErrnoException, address: BoundAddress): SkyliftError {
  const where = hostAndPort(address);
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

function socketError(error: NodeJS.ErrnoException, path: string): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', `cannot listen on ${path}: ${error.code ?? error.message}`, {
    cause: error,
    hint: 'Give a path of less than 100 bytes in a folder that there is and that this user may write to.',
  });
}
