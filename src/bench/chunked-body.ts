/** A chunked body as it arrives in pieces (RFC 9112, section 7.1). Extensions and trailers are passed over. */
import { SkyliftError } from '../core/errors.ts';

const MAX_LINE_BYTES = 16 * 1024;
const CRLF = Buffer.from('\r\n');

/** Collects the chunks of one body. Throws SKY_REMOTE for bad framing or more than `maxBytes`. */
export class ChunkedBody {
  readonly #maxBytes: number;
  #pending: Buffer = Buffer.alloc(0);
  #chunks: Buffer[] = [];
  #bodyBytes = 0;
  #state: 'size' | 'data' | 'trailer' = 'size';
  #chunkBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Adds bytes; when the body is whole, the bytes behind it. */
  push(bytes: Buffer): Buffer | undefined {
    this.#pending = this.#pending.length === 0 ? bytes : Buffer.concat([this.#pending, bytes]);
    for (;;) {
      if (this.#state === 'data') {
        if (!this.#takeChunk()) return undefined;
        continue;
      }
      const line = this.#takeLine();
      if (line === undefined) return undefined;
      if (this.#state === 'size') this.#startChunk(line);
      else if (line === '') return this.#pending;
    }
  }

  /** All chunks that arrived, joined. */
  body(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }

  #takeLine(): string | undefined {
    const end = this.#pending.indexOf(CRLF);
    if (end > MAX_LINE_BYTES || (end === -1 && this.#pending.length > MAX_LINE_BYTES))
      throw badChunk(`a line of more than ${MAX_LINE_BYTES} bytes`);
    if (end === -1) return undefined;
    const line = this.#pending.toString('latin1', 0, end);
    this.#pending = this.#pending.subarray(end + CRLF.length);
    return line;
  }

  #startChunk(line: string): void {
    const size = /^([0-9a-f]{1,8})\s*(?:;.*)?$/i.exec(line)?.[1];
    if (size === undefined) throw badChunk(`size line ${JSON.stringify(line.slice(0, 80))}`);
    this.#chunkBytes = Number.parseInt(size, 16);
    this.#bodyBytes += this.#chunkBytes;
    if (this.#bodyBytes > this.#maxBytes) throw badChunk(`a body of more than ${this.#maxBytes} bytes`);
    this.#state = this.#chunkBytes === 0 ? 'trailer' : 'data';
  }

  /** False while the chunk and its line end are not whole. */
  #takeChunk(): boolean {
    const end = this.#chunkBytes + CRLF.length;
    if (this.#pending.length < end) return false;
    if (!this.#pending.subarray(this.#chunkBytes, end).equals(CRLF))
      throw badChunk('no line end behind a chunk');
    this.#chunks.push(this.#pending.subarray(0, this.#chunkBytes));
    this.#pending = this.#pending.subarray(end);
    this.#state = 'size';
    return true;
  }
}

function badChunk(what: string): SkyliftError {
  return new SkyliftError('SKY_REMOTE', `the chunked body of the reply is malformed: ${what}`);
}
