/**
 * From the bytes of one connection to requests: finds heads, fills bodies, refuses what is not strict HTTP/1.1. Knows no
 * socket. Bytes are used or copied before `push` returns, so that one buffer can serve all connections; the body of a
 * known length is the exception: `nextBuffer` lets the socket read straight into it.
 */
import { BodyCollector } from '../body-collector.ts';
import type { FoundProblem } from '../head-problem.ts';
import type { BodyProblem, WireReceiver } from '../wire.ts';
import { ChunkReader } from './chunks.ts';
import { parseHead } from './head.ts';
import type { RequestHead } from './head.ts';

const CR = 0x0d;
const LF = 0x0a;
const HTAB = 0x09;
const SPACE = 0x20;
const DEL = 0x7f;
/** Longer heads are not worth remembering. */
const REMEMBERED_HEAD_BYTES = 1024;

/** Bodies up to this size that come at once are cheapest in the memory that node keeps for small buffers. */
const SMALL_BODY_BYTES = 4 * 1024;

export interface ReaderLimits {
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
}

export interface ReaderEvents {
  /** False: no further request is wanted now; `resume` says when. */
  readonly isReady: boolean;
  /** A request. When it has a body, nothing is read before `readBody` or `dropBody`. */
  head(head: RequestHead): void;
  /** The bytes are no request; nothing is read any more. */
  refused(problem: FoundProblem): void;
}

/**
 * - head: a request is awaited or has come in part
 * - undecided: the head is out, what to do with its body is not known
 * - length, chunks: the body comes in
 * - drop: the body comes in and nobody wants it
 * - ended: nothing is read any more
 */
type Phase = 'head' | 'undecided' | 'length' | 'chunks' | 'drop' | 'ended';

/** What a step used, or that it cannot go on without more bytes. */
const NEEDS_MORE = -1;

export class RequestReader {
  readonly #limits: ReaderLimits;
  readonly #events: ReaderEvents;
  #phase: Phase = 'head';
  /** Bytes that came and are not used. */
  #rest: Buffer | undefined;
  #isRunning = false;
  #finishedRequests = 0;
  /** How much of a head that has not come whole was looked at. */
  #scannedBytes = 0;
  #head: RequestHead | undefined;
  #rememberedBytes: Buffer | undefined;
  #rememberedHead: RequestHead | undefined;
  #receiver: WireReceiver | undefined;
  #collector: BodyCollector | undefined;
  #chunks: ChunkReader | undefined;
  /** How much of a body came that nobody wants any more. */
  #droppedBytes = 0;

  constructor(limits: ReaderLimits, events: ReaderEvents) {
    this.#limits = limits;
    this.#events = events;
  }

  get isEnded(): boolean {
    return this.#phase === 'ended';
  }

  /** Requests whose last byte was taken. */
  get finishedRequests(): number {
    return this.#finishedRequests;
  }

  get isReadingBody(): boolean {
    return this.#phase === 'length' || this.#phase === 'chunks';
  }

  /** The body comes in and nobody wants it. */
  get isDroppingBody(): boolean {
    return this.#phase === 'drop';
  }

  /** The body of the last request has not come whole. */
  get isBodyOpen(): boolean {
    return this.#phase === 'undecided' || this.isReadingBody;
  }

  /** Some bytes of a head are here, others are not. */
  get hasPartOfHead(): boolean {
    return this.#phase === 'head' && this.#rest !== undefined && this.#events.isReady;
  }

  /** Bytes that come now would only be kept: the socket should wait. */
  get isBlocked(): boolean {
    return this.#phase === 'undecided' || (this.#phase === 'head' && !this.#events.isReady);
  }

  /** Where the next bytes of the body belong; undefined when they may come anywhere. */
  nextBuffer(): Buffer | undefined {
    return this.#phase === 'length' ? this.#collector?.space() : undefined;
  }

  /** Takes bytes as they came; those that lie in `nextBuffer` already are not copied. */
  push(bytes: Buffer): void {
    if (this.#phase === 'length' && this.#collector?.isInPlace(bytes)) {
      if (this.#collector.advance(bytes.length) === 'complete') this.#deliver(this.#collector.take());
      return;
    }
    const rest = this.#rest;
    this.#rest = undefined;
    this.#run(rest === undefined ? bytes : Buffer.concat([rest, bytes]));
  }

  /** Goes on with what was kept. */
  resume(): void {
    const rest = this.#rest;
    if (rest === undefined || this.#isRunning || this.isBlocked) return;
    this.#rest = undefined;
    this.#run(rest);
  }

  /** Reads the body of the last head, for which `firstReservation` is reserved. */
  readBody(receiver: WireReceiver, maxBodyBytes: number): void {
    if (this.#phase !== 'undecided') return;
    const lengthBytes = this.#head?.bodyBytes;
    this.#receiver = receiver;
    this.#collector = new BodyCollector(receiver, maxBodyBytes, lengthBytes);
    if (lengthBytes === undefined) {
      const maxTrailerBytes = this.#limits.maxHeaderBytes;
      this.#chunks = new ChunkReader(this.#collector, { maxBodyBytes, maxTrailerBytes });
      this.#phase = 'chunks';
    } else this.#phase = 'length';
    this.resume();
  }

  /** Nobody wants the rest of the body, which has a known length. */
  dropBody(): void {
    if (this.#phase === 'length') this.#forgetBody();
    else if (this.#phase !== 'undecided') return;
    this.#phase = 'drop';
  }

  /** The body is late: tells the receiver, and reads nothing any more. */
  failBody(problem: BodyProblem): void {
    const receiver = this.#receiver;
    this.end();
    receiver?.bodyFailed(problem);
  }

  /** Reads nothing any more. */
  end(): void {
    this.#phase = 'ended';
    this.#rest = undefined;
    this.#head = undefined;
    this.#forgetBody();
  }

  #run(bytes: Buffer): void {
    let at = 0;
    this.#isRunning = true;
    while (at < bytes.length && !this.isBlocked && this.#phase !== 'ended') {
      const used = this.#step(bytes, at);
      if (used === NEEDS_MORE) break;
      at += used;
    }
    this.#isRunning = false;
    if (at < bytes.length && this.#phase !== 'ended') this.#rest = Buffer.from(bytes.subarray(at));
  }

  #step(bytes: Buffer, at: number): number {
    switch (this.#phase) {
      case 'head':
        return this.#takeHead(bytes, at);
      case 'length':
        return this.#takeLength(bytes, at);
      case 'chunks':
        return this.#takeChunks(bytes, at);
      case 'drop':
        return this.#takeDropped(bytes.length - at);
      case 'undecided':
      case 'ended':
        return NEEDS_MORE;
    }
  }

  #takeHead(bytes: Buffer, at: number): number {
    if (this.#isRemembered(bytes, at))
      return this.#begin(this.#rememberedHead, this.#rememberedBytes?.length);
    const sizeBytes = this.#findEnd(bytes, at);
    if (typeof sizeBytes !== 'number') return this.#refuse(sizeBytes);
    if (sizeBytes === NEEDS_MORE) return NEEDS_MORE;
    this.#scannedBytes = 0;
    if (sizeBytes === 2) return sizeBytes; // an empty line before a request (RFC 9112 section 2.2)
    const head = parseHead(bytes.toString('latin1', at, at + sizeBytes - 4), this.#limits.maxHeaders);
    if ('problem' in head) return this.#refuse(head);
    this.#remember(head, bytes.subarray(at, at + sizeBytes));
    return this.#begin(head, sizeBytes);
  }

  /** Clients repeat themselves: equal bytes are an equal head, and comparing is cheaper than reading. */
  #isRemembered(bytes: Buffer, at: number): boolean {
    const known = this.#rememberedBytes;
    if (known === undefined || this.#scannedBytes > 0 || bytes.length - at < known.length) return false;
    return known.compare(bytes, at, at + known.length) === 0;
  }

  #remember(head: RequestHead, bytes: Buffer): void {
    if (bytes.length > REMEMBERED_HEAD_BYTES) return;
    this.#rememberedBytes = Buffer.from(bytes);
    this.#rememberedHead = head;
  }

  /** Size of the head with its empty line. Control characters, CR and LF by themselves are refused as soon as they come. */
  #findEnd(bytes: Buffer, start: number): number | FoundProblem {
    const end = Math.min(bytes.length, start + this.#limits.maxHeaderBytes);
    for (let at = start + this.#scannedBytes; at < end; at++) {
      const code = bytes[at];
      const isAfterCr = at > start && bytes[at - 1] === CR;
      if (isAfterCr !== (code === LF)) return malformedHead('CR and LF are not together');
      if (code === LF && isEmptyLine(bytes, start, at)) return at + 1 - start;
      if (isForbidden(code)) return malformedHead('a control character');
    }
    this.#scannedBytes = end - start;
    if (this.#scannedBytes < this.#limits.maxHeaderBytes) return NEEDS_MORE;
    return { problem: 'headers-too-large', detail: `more than ${this.#limits.maxHeaderBytes} bytes` };
  }

  #refuse(problem: FoundProblem): number {
    this.end();
    this.#events.refused(problem);
    return NEEDS_MORE;
  }

  #begin(head: RequestHead | undefined, sizeBytes: number | undefined): number {
    if (head === undefined || sizeBytes === undefined) return NEEDS_MORE;
    this.#head = head;
    this.#droppedBytes = 0;
    this.#phase = 'undecided';
    if (head.bodyBytes === 0) this.#finishRequest();
    this.#events.head(head);
    return sizeBytes;
  }

  /** After the last byte of a request. */
  #finishRequest(): void {
    this.#finishedRequests++;
    this.#phase = this.#head?.isKeptAlive === false ? 'ended' : 'head';
    this.#head = undefined;
  }

  #takeLength(bytes: Buffer, at: number): number {
    const collector = this.#collector;
    if (collector === undefined) return NEEDS_MORE;
    const leftBytes = (this.#head?.bodyBytes ?? 0) - collector.filledBytes;
    const piece = bytes.subarray(at, at + leftBytes);
    const isSmallWhole =
      piece.length === leftBytes && collector.filledBytes === 0 && leftBytes <= SMALL_BODY_BYTES;
    if (isSmallWhole) {
      this.#deliver(Buffer.from(piece));
      return leftBytes;
    }
    const state = collector.add(piece);
    if (state === 'more') return piece.length;
    if (state === 'complete') this.#deliver(collector.take());
    else this.#giveUp(state);
    return state === 'complete' ? piece.length : 0; // what was not taken is dropped, if the connection goes on
  }

  #takeChunks(bytes: Buffer, at: number): number {
    const chunks = this.#chunks;
    if (chunks === undefined) return NEEDS_MORE;
    const state = chunks.read(bytes, at);
    if (state === 'complete') this.#deliver(this.#collector?.take());
    else if (state === 'malformed') this.failBody(state);
    else if (state !== 'more') this.#giveUp(state);
    return chunks.position - at;
  }

  /** The rest of the body may still come; who answers decides what happens to it. */
  #giveUp(problem: BodyProblem): void {
    const receiver = this.#receiver;
    this.#forgetBody();
    this.#phase = 'undecided';
    receiver?.bodyFailed(problem);
  }

  #deliver(body: Uint8Array | undefined): void {
    const receiver = this.#receiver;
    this.#forgetBody();
    this.#finishRequest();
    if (body !== undefined) receiver?.bodyArrived(body);
  }

  #takeDropped(availableBytes: number): number {
    const lengthBytes = this.#head?.bodyBytes ?? 0;
    const used = Math.min(availableBytes, lengthBytes - this.#droppedBytes);
    this.#droppedBytes += used;
    if (this.#droppedBytes === lengthBytes) this.#finishRequest();
    return used;
  }

  #forgetBody(): void {
    this.#droppedBytes = this.#collector?.filledBytes ?? 0;
    this.#receiver = undefined;
    this.#chunks = undefined;
    this.#collector = undefined;
  }
}

function malformedHead(detail: string): FoundProblem {
  return { problem: 'malformed', detail };
}

/** Whether the line that ends with the LF at `feedAt` has nothing in it. */
function isEmptyLine(bytes: Buffer, start: number, feedAt: number): boolean {
  return feedAt - 2 < start || bytes[feedAt - 2] === LF;
}

function isForbidden(code: number | undefined): boolean {
  if (code === undefined || code === DEL) return true;
  return code < SPACE && code !== CR && code !== LF && code !== HTAB;
}
