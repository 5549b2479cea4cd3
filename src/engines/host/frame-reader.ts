/**
 * Finds whole frames in a byte stream. A frame that does not come in one piece goes into one buffer of its exact size,
 * which starts at an aligned address; `nextBuffer` lets a socket read straight into it.
 */
import { liesAt } from '../../core/read-into.ts';
import { ALIGNMENT_BYTES, HEADER_BYTES, LENGTH_BYTES, frameError } from './frame.ts';

export interface FrameReaderOptions {
  /** Longest frame, its length field included; longer ones are refused before memory is taken. */
  readonly maxBytes: number;
  /** The memory of what is pushed is used again: frames that lie whole in it are copied. */
  readonly isMemoryShared: boolean;
  /** Memory for a frame that does not come in one piece. @default a new buffer */
  readonly allocate?: (sizeBytes: number) => Buffer;
  readonly onFrame: (bytes: Uint8Array) => void;
}

export class FrameReader {
  readonly #options: FrameReaderOptions;
  /** Up to three bytes of a length that has not come whole. */
  #lengthBytes = Buffer.alloc(0);
  /** The frame that is being received; undefined between frames. */
  #frame: Buffer | undefined;
  #filled = 0;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** The missing part of the frame that is being received. */
  nextBuffer(): Buffer | undefined {
    return this.#frame?.subarray(this.#filled);
  }

  /** Takes the next bytes and calls back for each frame that ends in them. Throws SKY_ENGINE_PROTOCOL. */
  push(chunk: Buffer): void {
    if (this.#frame && liesAt(chunk, this.#frame, this.#filled)) {
      this.#advance(this.#frame, chunk.length);
      return;
    }
    let rest = chunk;
    while (rest.length > 0) rest = rest.subarray(this.#take(rest));
  }

  /** Returns how many bytes were used, at least one. */
  #take(bytes: Buffer): number {
    if (this.#frame) return this.#fill(this.#frame, bytes);
    if (this.#lengthBytes.length > 0 || bytes.length < LENGTH_BYTES) return this.#takeLength(bytes);
    const sizeBytes = this.#frameSize(bytes);
    if (sizeBytes > bytes.length) return this.#begin(sizeBytes, bytes);
    const frame = bytes.subarray(0, sizeBytes);
    this.#options.onFrame(this.#options.isMemoryShared ? Buffer.from(frame) : frame);
    return sizeBytes;
  }

  #takeLength(bytes: Buffer): number {
    const used = Math.min(LENGTH_BYTES - this.#lengthBytes.length, bytes.length);
    this.#lengthBytes = Buffer.concat([this.#lengthBytes, bytes.subarray(0, used)]);
    if (this.#lengthBytes.length < LENGTH_BYTES) return used;
    const length = this.#lengthBytes;
    this.#lengthBytes = Buffer.alloc(0);
    this.#begin(this.#frameSize(length), length);
    return used;
  }

  #frameSize(bytes: Buffer): number {
    const sizeBytes = LENGTH_BYTES + bytes.readUInt32LE(0);
    const { maxBytes } = this.#options;
    if (sizeBytes > maxBytes) throw frameError(`frame of ${sizeBytes} bytes exceeds ${maxBytes} bytes`);
    if (sizeBytes < HEADER_BYTES || sizeBytes % ALIGNMENT_BYTES !== 0)
      throw frameError(`no frame is ${sizeBytes} bytes long`);
    return sizeBytes;
  }

  #begin(sizeBytes: number, bytes: Buffer): number {
    const frame = this.#allocate(sizeBytes);
    this.#frame = frame;
    this.#filled = 0;
    return this.#fill(frame, bytes);
  }

  #fill(frame: Buffer, bytes: Buffer): number {
    const used = bytes.copy(frame, this.#filled);
    this.#advance(frame, used);
    return used;
  }

  /** Whoever announces more than the machine can hold is told so. */
  #allocate(sizeBytes: number): Buffer {
    try {
      return this.#options.allocate?.(sizeBytes) ?? Buffer.allocUnsafeSlow(sizeBytes);
    } catch {
      throw frameError(`there is no memory for a frame of ${sizeBytes} bytes`);
    }
  }

  #advance(frame: Buffer, sizeBytes: number): void {
    this.#filled += sizeBytes;
    if (this.#filled < frame.length) return;
    this.#frame = undefined;
    this.#options.onFrame(frame);
  }
}
