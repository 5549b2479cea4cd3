/**
 * Writes frames to a stream: those that are sent together leave together, small ones as one piece, large payloads from
 * where they lie. Waiting replies and requests belong in the queues of the scheduler, so that back-pressure is not heeded.
 */
import type { Duplex } from 'node:stream';
import type { OutgoingFrame } from './frame.ts';
import { encodeFrame } from './frame-encode.ts';
import type { PayloadSlots } from './payload-slots.ts';

/** Neighbouring chunks up to this size are joined: one copy is cheaper than one more vector of a write. */
const SMALL_BYTES = 16 * 1024;

export interface FrameWriterOptions {
  readonly stream: Duplex;
  readonly maxBytes: number;
  /** Of the engine that reads the stream. @default payloads go through the stream */
  readonly slots?: PayloadSlots | undefined;
  /** Calls back when everything that is sent together has been sent. */
  readonly later: (fn: () => void) => void;
}

export class FrameWriter {
  readonly #options: FrameWriterOptions;
  #chunks: Uint8Array[] = [];

  constructor(options: FrameWriterOptions) {
    this.#options = options;
  }

  /** Queues the frame. Payloads must not change before they are written, unless true says that they were copied. Throws SKY_REQUEST_TOO_LARGE. */
  send(frame: OutgoingFrame): boolean {
    const chunks = encodeFrame(frame, this.#options.maxBytes, this.#options.slots);
    if (this.#chunks.length === 0) this.#options.later(() => this.flush());
    this.#chunks.push(...chunks);
    return chunks.length === 1;
  }

  /** Writes what is queued now. */
  flush(): void {
    const { stream } = this.#options;
    const chunks = joinSmall(this.#chunks);
    this.#chunks = [];
    if (chunks.length === 0 || !stream.writable) return;
    stream.cork();
    for (const chunk of chunks) stream.write(chunk);
    stream.uncork();
  }
}

function joinSmall(chunks: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let small: Uint8Array[] = [];
  for (const chunk of chunks) {
    if (chunk.length <= SMALL_BYTES) {
      small.push(chunk);
      continue;
    }
    pushJoined(joined, small);
    small = [];
    joined.push(chunk);
  }
  pushJoined(joined, small);
  return joined;
}

function pushJoined(to: Uint8Array[], small: readonly Uint8Array[]): void {
  const [first] = small;
  if (first) to.push(small.length === 1 ? first : Buffer.concat(small));
}
