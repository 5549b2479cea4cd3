/** Both ends of the pipe between front and engine: frames in, frames out, and word when the other side is gone. */
import type { Duplex } from 'node:stream';
import type { ReadTarget } from '../../core/read-into.ts';
import { isSkyliftError } from '../../core/errors.ts';
import type { SkyliftError } from '../../core/errors.ts';
import type { Frame, OutgoingFrame } from './frame.ts';
import { decodeFrame } from './frame-decode.ts';
import type { DecodeOptions } from './frame-decode.ts';
import { FrameReader } from './frame-reader.ts';
import { FrameWriter } from './frame-writer.ts';
import type { PayloadSlots } from './payload-slots.ts';

export interface FrameChannelOptions extends DecodeOptions {
  /** Gives the pipe, which reads for `target`. */
  readonly open: (target: ReadTarget) => Duplex;
  /** The pipe reads into memory that it uses again. */
  readonly isMemoryShared: boolean;
  /** Memory for large frames. @default a new buffer for each */
  readonly allocate?: (sizeBytes: number) => Buffer;
  /** Of the engine on the other side. @default payloads go through the pipe */
  readonly slots?: PayloadSlots | undefined;
  /** Longest frame in either direction. */
  readonly maxBytes: number;
  /** Calls back when everything that is sent together has been sent. */
  readonly later: (fn: () => void) => void;
  /** May throw SKY_ENGINE_PROTOCOL, which goes to `onViolation`. */
  readonly onFrame: (frame: Frame) => void;
  /** The other side broke the rules. Nothing more is read. */
  readonly onViolation: (error: SkyliftError) => void;
  /** The other side is gone. May be called more than once. */
  readonly onClosed: () => void;
}

export class FrameChannel implements ReadTarget {
  readonly #options: FrameChannelOptions;
  readonly #stream: Duplex;
  readonly #writer: FrameWriter;
  readonly #reader: FrameReader;
  #isReading = true;

  constructor(options: FrameChannelOptions) {
    const { maxBytes, slots, later, onClosed } = options;
    this.#options = options;
    this.#reader = new FrameReader({
      ...options,
      onFrame: (bytes) => options.onFrame(decodeFrame(bytes, options)),
    });
    const stream = options.open(this);
    this.#stream = stream;
    this.#writer = new FrameWriter({ stream, maxBytes, slots, later });
    stream.on('end', onClosed);
    stream.on('error', onClosed);
    stream.on('close', onClosed);
  }

  /** Queues a frame; true when it holds copies of its tensors. Throws SKY_REQUEST_TOO_LARGE, SKY_TENSOR_INVALID. */
  send(frame: OutgoingFrame): boolean {
    return this.#writer.send(frame);
  }

  /** Whether the frame with this tag has left this process. */
  isWritten(tag: number): boolean {
    return this.#writer.isWritten(tag);
  }

  /** Writes what is queued now. */
  flush(): void {
    this.#writer.flush();
  }

  /** Writes what is queued and ends our side. */
  end(): void {
    this.#writer.flush();
    this.#stream.end();
  }

  /** Drops the pipe with everything in it. */
  destroy(): void {
    this.stopReading();
    this.#stream.destroy();
  }

  /** What still arrives is dropped. */
  stopReading(): void {
    this.#isReading = false;
  }

  nextBuffer(): Buffer | undefined {
    return this.#reader.nextBuffer();
  }

  received(bytes: Buffer): void {
    if (!this.#isReading) return;
    try {
      this.#reader.push(bytes);
    } catch (error) {
      if (!isSkyliftError(error) || error.code !== 'SKY_ENGINE_PROTOCOL') throw error;
      this.stopReading();
      this.#options.onViolation(error);
    }
  }
}
