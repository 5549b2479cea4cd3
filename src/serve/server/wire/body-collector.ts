/**
 * Puts the pieces of a request body into one buffer. Memory is asked for before it is allocated, and no
 * object is kept per piece: a body of one-byte chunks costs no more than a whole one.
 */
import type { WireReceiver } from './wire.ts';

const FIRST_CAPACITY_BYTES = 16 * 1024; // for bodies of unknown length; doubles as they grow
type BodyMemory = Pick<WireReceiver, 'reserve' | 'allocate' | 'release'>;

const EMPTY = new Uint8Array(0);

type CollectorState = 'more' | 'complete' | 'too-large' | 'over-budget' | 'no-memory';

/** Memory of the receiver; undefined when the machine has none: that is the end of a request, not of the server. */
export function tryAllocate(receiver: Pick<WireReceiver, 'allocate'>, sizeBytes: number): Buffer | undefined {
  try {
    return receiver.allocate(sizeBytes);
  } catch {
    return undefined;
  }
}

export class BodyCollector {
  readonly #receiver: BodyMemory;
  readonly #maxBytes: number;
  /** Announced length; undefined: known at the end only. */
  readonly #lengthBytes: number | undefined;
  #buffer: Uint8Array = EMPTY;
  /** The same, unless it is a piece that came. */
  #memory: Buffer | undefined;
  #filledBytes = 0;

  /** @param lengthBytes announced and already checked against `maxBytes` and reserved; undefined when chunked */
  constructor(receiver: BodyMemory, maxBytes: number, lengthBytes: number | undefined) {
    this.#receiver = receiver;
    this.#maxBytes = maxBytes;
    this.#lengthBytes = lengthBytes;
  }

  /** Takes the next piece; it may be kept, so the caller must not reuse its memory. */
  add(piece: Uint8Array): CollectorState {
    const filled = this.#filledBytes + piece.length;
    if (filled > this.#maxBytes) return 'too-large';
    if (filled === this.#lengthBytes && this.#filledBytes === 0) {
      this.#buffer = piece; // the whole body in one piece: nothing to copy
      this.#filledBytes = filled;
      return 'complete';
    }
    if (filled > this.#buffer.length) {
      const problem = this.#grow(filled);
      if (problem !== undefined) return problem;
    }
    this.#buffer.set(piece, this.#filledBytes);
    this.#filledBytes = filled;
    return filled === this.#lengthBytes ? 'complete' : 'more';
  }

  /** The body so far, at the start of its memory unless it came in one piece. */
  take(): Uint8Array {
    return this.#buffer.subarray(0, this.#filledBytes);
  }

  /** Returns why there is no more room. */
  #grow(wantedBytes: number): 'over-budget' | 'no-memory' | undefined {
    const capacity = this.#lengthBytes ?? this.#nextCapacity(wantedBytes);
    const moreBytes = capacity - this.#buffer.length;
    if (this.#lengthBytes === undefined && !this.#receiver.reserve(moreBytes)) return 'over-budget';
    const larger = tryAllocate(this.#receiver, capacity);
    if (larger === undefined) return 'no-memory';
    larger.set(this.#buffer.subarray(0, this.#filledBytes));
    if (this.#memory !== undefined) this.#receiver.release(this.#memory); // else twice of what is reserved is held
    this.#memory = larger;
    this.#buffer = larger;
    return undefined;
  }

  #nextCapacity(wantedBytes: number): number {
    const doubled = Math.max(FIRST_CAPACITY_BYTES, this.#buffer.length * 2, wantedBytes);
    return Math.min(doubled, this.#maxBytes);
  }
}
