/**
 * Puts a request body into one piece of memory. What is reserved grows with what has come: a client that announces a large
 * body and sends nothing holds little. No object is kept per piece: a body of one-byte chunks costs no more than a whole one.
 */
import { liesAt } from '../../../core/read-into.ts';
import type { WireReceiver } from './wire.ts';

const KiB = 1024;

/** Bodies up to this size get their memory at once, when their length is known; larger ones grow from here. */
const FIRST_KNOWN_BYTES = 1024 * KiB;
const KNOWN_GROWTH = 4;
/** Of bodies of unknown length. */
const FIRST_UNKNOWN_BYTES = 16 * KiB;
const UNKNOWN_GROWTH = 2;

type BodyMemory = Pick<WireReceiver, 'reserve' | 'allocate' | 'release'>;

const EMPTY = Buffer.alloc(0);

export type CollectorProblem = 'too-large' | 'over-budget' | 'no-memory';
type CollectorState = 'more' | 'complete' | CollectorProblem;

/** What must be reserved before the first byte comes. @param lengthBytes undefined when chunked */
export function firstReservation(lengthBytes: number | undefined): number {
  return Math.min(lengthBytes ?? 0, FIRST_KNOWN_BYTES);
}

export class BodyCollector {
  readonly #receiver: BodyMemory;
  readonly #maxBytes: number;
  /** Announced length; undefined: known at the end only. */
  readonly #lengthBytes: number | undefined;
  #memory: Buffer = EMPTY;
  #filledBytes = 0;
  #reservedBytes: number;

  /** @param lengthBytes announced, no more than `maxBytes`, and `firstReservation` of it reserved; undefined when chunked */
  constructor(receiver: BodyMemory, maxBytes: number, lengthBytes: number | undefined) {
    this.#receiver = receiver;
    this.#maxBytes = maxBytes;
    this.#lengthBytes = lengthBytes;
    this.#reservedBytes = firstReservation(lengthBytes);
  }

  /** Bytes that have come. */
  get filledBytes(): number {
    return this.#filledBytes;
  }

  /** Where the next bytes belong, for a socket that reads into place; undefined when there is no memory now. */
  space(): Buffer | undefined {
    if (this.#filledBytes === this.#memory.length && this.#grow(this.#filledBytes + 1) !== undefined)
      return undefined;
    return this.#memory.subarray(this.#filledBytes);
  }

  /** Whether `bytes` lie where `space` said. */
  isInPlace(bytes: Buffer): boolean {
    return liesAt(bytes, this.#memory, this.#filledBytes);
  }

  /** Bytes were put into `space`. */
  advance(sizeBytes: number): 'more' | 'complete' {
    this.#filledBytes += sizeBytes;
    return this.#filledBytes === this.#lengthBytes ? 'complete' : 'more';
  }

  /** Copies the next piece. */
  add(piece: Uint8Array): CollectorState {
    const filled = this.#filledBytes + piece.length;
    if (filled > this.#maxBytes) return 'too-large';
    if (filled > this.#memory.length) {
      const problem = this.#grow(filled);
      if (problem !== undefined) return problem;
    }
    this.#memory.set(piece, this.#filledBytes);
    return this.advance(piece.length);
  }

  /** As `add`, for a piece whose memory nobody else uses: a body that comes whole is not copied. */
  keep(piece: Uint8Array): CollectorState {
    if (this.#filledBytes > 0 || piece.length !== this.#lengthBytes) return this.add(piece);
    this.#memory = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    return this.advance(piece.length);
  }

  /** The body so far, at the start of its memory unless it was kept. */
  take(): Uint8Array {
    return this.#memory.subarray(0, this.#filledBytes);
  }

  /** Makes room for so many bytes in all. Returns why there is none. */
  #grow(wantedBytes: number): CollectorProblem | undefined {
    const capacityBytes = this.#nextCapacity(wantedBytes);
    const moreBytes = capacityBytes - this.#reservedBytes;
    if (moreBytes > 0 && !this.#receiver.reserve(moreBytes)) return 'over-budget';
    this.#reservedBytes = Math.max(this.#reservedBytes, capacityBytes);
    const outgrown = this.#memory;
    try {
      this.#memory = this.#receiver.allocate(capacityBytes);
    } catch {
      return 'no-memory'; // of the machine: the end of a request, not of the server
    }
    this.#memory.set(outgrown.subarray(0, this.#filledBytes));
    if (outgrown.length > 0) this.#receiver.release(outgrown); // else more than what is reserved is held
    return undefined;
  }

  #nextCapacity(wantedBytes: number): number {
    const isKnown = this.#lengthBytes !== undefined;
    const grown = this.#memory.length * (isKnown ? KNOWN_GROWTH : UNKNOWN_GROWTH);
    const first = isKnown ? FIRST_KNOWN_BYTES : FIRST_UNKNOWN_BYTES;
    return Math.min(Math.max(wantedBytes, grown, first), this.#lengthBytes ?? this.#maxBytes);
  }
}
