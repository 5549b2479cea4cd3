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
  /** Tags of frames whose payloads are still where they lay. */
  readonly #unwritten = new Set<number>();
  #chunks: Uint8Array[] = [];
  /** Tags of the frames among the chunks that are in the set. */
  #tags: number[] = [];

  constructor(options: FrameWriterOptions) {
    this.#options = options;
  }

  /** Queues the frame. Payloads must not change before they are written, unless true says that they were copied. Throws SKY_REQUEST_TOO_LARGE. */
  send(frame: OutgoingFrame): boolean {
    const chunks = encodeFrame(frame, this.#options.maxBytes, this.#options.slots);
    if (this.#chunks.length === 0) this.#options.later(() => this.flush());
    this.#chunks.push(...chunks);
    const isCopied = chunks.length === 1;
    if (!isCopied && frame.tag !== undefined) {
      this.#unwritten.add(frame.tag);
      this.#tags.push(frame.tag);
    }
    return isCopied;
  }

  /** Whether the frame with this tag has left this process. */
  isWritten(tag: number): boolean {
    return !this.#unwritten.has(tag);
  }

  /** Writes what is queued now. */
  flush(): void {
    const { stream } = this.#options;
    const chunks = joinSmall(this.#chunks);
    const tags = this.#tags;
    this.#chunks = [];
    this.#tags = [];
    const last = chunks.pop();
    if (last === undefined || !stream.writable) return;
    stream.cork();
    for (const chunk of chunks) stream.write(chunk);
    if (tags.length === 0) stream.write(last);
    else stream.write(last, () => tags.forEach((tag) => this.#unwritten.delete(tag)));
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
