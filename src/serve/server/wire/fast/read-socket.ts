/** Reads accepted sockets into memory of our choice. node:net offers that for sockets that it connects, not for those that it accepts. */
import { Socket } from 'node:net';
import { readInto } from '../../../../core/read-into.ts';
import type { ReadTarget } from '../../../../core/read-into.ts';

/** Larger bodies have their first piece copied and the rest read into place. */
const SHARED_BYTES = 64 * 1024;

/** Where node:net keeps the handle of a socket: not documented, so that its absence is no error. */
const HANDLE = '_handle';
type AcceptedSocket = Socket & { [HANDLE]?: object | null };

/** Windows reads ahead into the buffer, which then cannot be shared. */
const canMoveHandles = process.platform !== 'win32';

/** Reads a socket for `target`. @returns the socket to use from now on; the accepted one must not have been read */
export type StartReading = (accepted: Socket, target: ReadTarget) => Socket;

/** One buffer for the reads of all connections of a listener. */
export class SocketReads {
  readonly #shared = Buffer.allocUnsafeSlow(SHARED_BYTES);

  /** The accepted socket must be paused. */
  readonly start: StartReading = (accepted, target) => {
    const shell: AcceptedSocket = accepted;
    const handle = shell[HANDLE];
    if (!canMoveHandles || handle === undefined || handle === null) return readPieces(accepted, target);
    shell[HANDLE] = null;
    shell.destroy();
    const onread = readInto(target, this.#shared);
    const options = { handle, allowHalfOpen: true, readable: true, writable: true, onread };
    const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
    socket.resume();
    return socket;
  };
}

/** Where the memory is not ours to choose: on TLS, the pieces are what was decrypted. */
export function readPieces(socket: Socket, target: ReadTarget): Socket {
  socket.on('data', (piece: Buffer) => target.received(piece));
  socket.resume();
  return socket;
}
