/** One message from any split of its bytes: prefix, reservation, then the body in one piece of memory. */
import { BodyCollector, firstReservation } from '../body-collector.ts';
import type { BodyProblem, WireReceiver } from '../wire.ts';
import { PrefixReader } from './framing.ts';
import type { GrpcHeaders } from './head.ts';

const EMPTY = new Uint8Array(0);

export interface MessageReaderOptions {
  readonly receiver: WireReceiver;
  /** Told whether the message is compressed. */
  readonly headers: GrpcHeaders;
  readonly maxBytes: number;
}

export class MessageReader {
  readonly #options: MessageReaderOptions;
  readonly #prefix = new PrefixReader();
  #lengthBytes: number | undefined;
  #collector: BodyCollector | undefined;
  #message: Uint8Array | undefined;

  constructor(options: MessageReaderOptions) {
    this.#options = options;
  }

  /** Of the message, once its prefix has come. */
  get lengthBytes(): number | undefined {
    return this.#lengthBytes;
  }

  /** The message, once it is whole. */
  get message(): Uint8Array | undefined {
    return this.#message;
  }

  /** Takes what belongs to the message. @returns what does not, or why the message will not come */
  push(piece: Buffer): Buffer | BodyProblem {
    let rest = piece;
    if (this.#lengthBytes === undefined) {
      rest = piece.subarray(this.#prefix.add(piece));
      const problem = this.#start();
      if (problem !== undefined) return problem;
    }
    return this.#message === undefined && rest.length > 0 ? this.#collect(rest) : rest;
  }

  #collect(piece: Buffer): Buffer | BodyProblem {
    const collector = this.#collector;
    if (collector === undefined) return piece;
    const left = (this.#lengthBytes ?? 0) - collector.filledBytes;
    const state = collector.keep(piece.length > left ? piece.subarray(0, left) : piece);
    if (state === 'complete') this.#message = collector.take();
    else if (state !== 'more') return state;
    return piece.subarray(left);
  }

  #start(): BodyProblem | undefined {
    const prefix = this.#prefix.take();
    if (prefix === undefined) return undefined;
    if (prefix === 'malformed') return 'malformed';
    const { isCompressed, lengthBytes } = prefix;
    const { receiver, headers, maxBytes } = this.#options;
    this.#lengthBytes = lengthBytes;
    if (isCompressed && headers.get('content-encoding') === undefined) return 'malformed';
    headers.isCompressed = isCompressed;
    if (lengthBytes > maxBytes) return 'too-large';
    if (!receiver.reserve(firstReservation(lengthBytes))) return 'over-budget';
    if (lengthBytes === 0) this.#message = EMPTY;
    else this.#collector = new BodyCollector(receiver, maxBytes, lengthBytes);
    return undefined;
  }
}
