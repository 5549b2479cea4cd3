/**
 * Reads a chunked body (RFC 9112 section 7.1) from any split of its bytes. A chunk is refused by its announced size,
 * before its bytes come; extensions and trailers are checked and dropped.
 */
import type { BodyCollector } from '../body-collector.ts';
import type { BodyProblem } from '../wire.ts';
import { readFields } from './head.ts';

/** Size line of a chunk with its extensions. */
const MAX_SIZE_LINE = 256;
const TOKEN = "[!#$%&'*+\\-.^_`|~0-9A-Za-z]+";
const QUOTED = String.raw`"(?:[\t !#-[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"`;
const SIZE_LINE = new RegExp(`^([0-9a-fA-F]{1,8})(?:;${TOKEN}(?:=(?:${TOKEN}|${QUOTED}))?)*$`);
/** They would change how the bytes are read: no trailer may (RFC 9110 section 6.5.1). */
const FRAMING_TRAILER = /^(?:content-length|transfer-encoding|connection):/i;
const LINE_FEED = 0x0a;

export type ChunkState = 'more' | 'complete' | BodyProblem;
type Part = 'size' | 'data' | 'data-end' | 'trailers';

export interface ChunkLimits {
  readonly maxBodyBytes: number;
  /** Of all trailers. */
  readonly maxTrailerBytes: number;
}

export class ChunkReader {
  readonly #collector: BodyCollector;
  readonly #limits: ChunkLimits;
  #part: Part = 'size';
  #line = ''; // of the line that has not come whole
  #leftBytes = 0; // of the chunk
  #bodyBytes = 0; // announced so far
  #trailerBytes = 0;
  #position = 0;

  constructor(collector: BodyCollector, limits: ChunkLimits) {
    this.#collector = collector;
    this.#limits = limits;
  }

  /** Where the last read stopped: the first byte that is not part of the body. */
  get position(): number {
    return this.#position;
  }

  /** Takes bytes from `start`. After anything but `more` nothing may be read again. */
  read(bytes: Buffer, start: number): ChunkState {
    this.#position = start;
    while (this.#position < bytes.length) {
      const state = this.#part === 'data' ? this.#takeData(bytes) : this.#takeLine(bytes);
      if (state !== 'more') return state;
    }
    return 'more';
  }

  #takeData(bytes: Buffer): ChunkState {
    const piece = bytes.subarray(this.#position, this.#position + this.#leftBytes);
    this.#position += piece.length;
    this.#leftBytes -= piece.length;
    if (this.#leftBytes === 0) this.#part = 'data-end';
    return this.#collector.add(piece);
  }

  #takeLine(bytes: Buffer): ChunkState {
    const feedAt = bytes.indexOf(LINE_FEED, this.#position);
    const end = feedAt < 0 ? bytes.length : feedAt + 1;
    this.#line += bytes.toString('latin1', this.#position, end);
    this.#position = end;
    if (this.#line.length > this.#maxLine) return 'malformed';
    if (feedAt < 0) return 'more';
    const line = this.#line.slice(0, -2);
    const isEndedByCrlf = this.#line.endsWith('\r\n');
    this.#line = '';
    return isEndedByCrlf ? this.#useLine(line) : 'malformed';
  }

  get #maxLine(): number {
    if (this.#part === 'data-end') return 2;
    return this.#part === 'size' ? MAX_SIZE_LINE : this.#limits.maxTrailerBytes - this.#trailerBytes;
  }

  #useLine(line: string): ChunkState {
    if (this.#part === 'size') return this.#useSize(line);
    if (this.#part === 'trailers') return this.#useTrailer(line);
    this.#part = 'size';
    return line === '' ? 'more' : 'malformed';
  }

  #useSize(line: string): ChunkState {
    const digits = SIZE_LINE.exec(line)?.[1];
    if (digits === undefined) return 'malformed';
    this.#leftBytes = Number.parseInt(digits, 16);
    this.#bodyBytes += this.#leftBytes;
    if (this.#bodyBytes > this.#limits.maxBodyBytes) return 'too-large';
    this.#part = this.#leftBytes === 0 ? 'trailers' : 'data';
    return 'more';
  }

  #useTrailer(line: string): ChunkState {
    if (line === '') return 'complete';
    this.#trailerBytes += line.length;
    const hasControls = /[^\t\x20-\x7e\x80-\xff]/.test(line);
    const isBad = hasControls || FRAMING_TRAILER.test(line) || 'problem' in readFields([line]);
    return isBad ? 'malformed' : 'more';
  }
}
