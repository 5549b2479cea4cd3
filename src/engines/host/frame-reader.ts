/**
 * Finds whole frames in a byte stream. Every byte is copied at most once: frames that lie whole in a chunk are views of
 * it, others go into one buffer of their exact size, which starts at an aligned address.
 */
import { ALIGNMENT_BYTES, HEADER_BYTES, LENGTH_BYTES, frameError } from './frame.ts';

export class FrameReader {
  readonly #maxBytes: number;
  readonly #onFrame: (bytes: Uint8Array) => void;
  /** Up to three bytes of a length that has not come whole. */
  #lengthBytes = Buffer.alloc(0);
  /** The frame that is being received; undefined between frames. */
  #frame: Buffer | undefined;
  #filled = 0;

  /** @param maxBytes longest frame, its length field included; longer ones are refused before memory is taken */
  constructor(maxBytes: number, onFrame: (bytes: Uint8Array) => void) {
    this.#maxBytes = maxBytes;
    this.#onFrame = onFrame;
  }

  /** Takes the next bytes and calls back for each frame that ends in them. Throws SKY_ENGINE_PROTOCOL. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) rest = rest.subarray(this.#take(rest));
  }

  /** Returns how many bytes were used, at least one. */
  #take(bytes: Buffer): number {
    if (this.#frame) return this.#fill(this.#frame, bytes);
    if (this.#lengthBytes.length > 0 || bytes.length < LENGTH_BYTES) return this.#takeLength(bytes);
    const sizeBytes = this.#frameSize(bytes);
    if (sizeBytes > bytes.length) return this.#begin(sizeBytes, bytes);
    this.#onFrame(bytes.subarray(0, sizeBytes));
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
    if (sizeBytes > this.#maxBytes)
      throw frameError(`frame of ${sizeBytes} bytes exceeds ${this.#maxBytes} bytes`);
    if (sizeBytes < HEADER_BYTES || sizeBytes % ALIGNMENT_BYTES !== 0)
      throw frameError(`no frame is ${sizeBytes} bytes long`);
    return sizeBytes;
  }

  #begin(sizeBytes: number, bytes: Buffer): number {
    const frame = allocate(sizeBytes);
    this.#frame = frame;
    this.#filled = 0;
    return this.#fill(frame, bytes);
  }

  #fill(frame: Buffer, bytes: Buffer): number {
    const used = bytes.copy(frame, this.#filled);
    this.#filled += used;
    if (this.#filled === frame.length) {
      this.#frame = undefined;
      this.#onFrame(frame);
    }
    return used;
  }
}

/** Whoever announces more than the machine can hold is told so. */
function allocate(sizeBytes: number): Buffer {
  try {
    return Buffer.allocUnsafeSlow(sizeBytes);
  } catch {
    throw frameError(`there is no memory for a frame of ${sizeBytes} bytes`);
  }
}
