/**
 * Reads a socket into memory of our choice. The stream of node:net allocates 64 KiB for every read and hands over
 * pieces; with `onread` one buffer serves all connections, and a large body lands where it belongs.
 */
import { Socket } from 'node:net';

const SHARED_BYTES = 256 * 1024;

export interface ReadTarget {
  /** Where the next bytes should go; undefined: anywhere. */
  nextBuffer(): Buffer | undefined;
  /** Bytes have come; they are used or copied before this returns. */
  received(bytes: Buffer): void;
}

/** Where node:net keeps the handle of a socket: not documented, so that its absence is no error. */
const HANDLE = '_handle';
type AcceptedSocket = Socket & { [HANDLE]?: object | null };

/** Windows reads ahead into the buffer, which then cannot be shared. */
const canMoveHandles = process.platform !== 'win32';

/** One buffer for the reads of all connections of a listener. */
export class SocketReads {
  readonly #shared = Buffer.allocUnsafeSlow(SHARED_BYTES);

  /** Starts to read into `target`. @returns the socket to use from now on; the accepted one must be paused */
  start(accepted: Socket, target: ReadTarget): Socket {
    const shell: AcceptedSocket = accepted;
    const handle = shell[HANDLE];
    if (!canMoveHandles || handle === undefined || handle === null) return readPieces(accepted, target);
    shell[HANDLE] = null;
    shell.destroy();
    const options = {
      handle,
      allowHalfOpen: true,
      readable: true,
      writable: true,
      onread: {
        buffer: () => target.nextBuffer() ?? this.#shared,
        callback: (sizeBytes: number, buffer: Uint8Array) => {
          target.received(Buffer.from(buffer.buffer, buffer.byteOffset, sizeBytes));
          return true;
        },
      },
    };
    const socket = new Socket(options as ConstructorParameters<typeof Socket>[0]);
    socket.resume();
    return socket;
  }
}

function readPieces(socket: Socket, target: ReadTarget): Socket {
  socket.on('data', (piece: Buffer) => target.received(piece));
  socket.resume();
  return socket;
}
