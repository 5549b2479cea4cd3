/** A growing buffer that JSON text is written into. */
import { TextBudget } from './text-budget.ts';

/** Appends ASCII and UTF-8; `bytes` and `at` are open to loops that write digits themselves after `reserve`. */
export class ByteWriter {
  bytes: Buffer;
  /** Bytes written. */
  at = 0;
  /** Asked before the buffer grows. */
  budget = new TextBudget(Number.POSITIVE_INFINITY);

  constructor(sizeBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes);
  }

  /** Begins again; a buffer that grew beyond `keepBytes` is given up. */
  reset(keepBytes: number): void {
    this.at = 0;
    if (this.bytes.length > keepBytes) this.bytes = Buffer.allocUnsafeSlow(keepBytes);
  }

  /** Makes sure that `sizeBytes` more fit. Throws SKY_REQUEST_TOO_LARGE beyond the budget. */
  reserve(sizeBytes: number): void {
    if (this.at + sizeBytes > this.bytes.length) this.#grow(this.at + sizeBytes);
  }

  #grow(wantedBytes: number): void {
    this.budget.require(wantedBytes);
    const doubledBytes = Math.min(this.bytes.length * 2, this.budget.leftBytes);
    const grown = Buffer.allocUnsafeSlow(Math.max(doubledBytes, wantedBytes));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }

  /** Appends one byte. */
  byte(value: number): void {
    if (this.at === this.bytes.length) this.reserve(1);
    this.bytes[this.at++] = value;
  }

  /** Appends text that is ASCII and short. */
  ascii(text: string): void {
    this.reserve(text.length);
    for (let i = 0; i < text.length; i++) this.bytes[this.at++] = text.charCodeAt(i);
  }

  /** Appends any text as UTF-8. */
  utf8(text: string): void {
    if (text.length * 3 > this.bytes.length - this.at) this.reserve(Buffer.byteLength(text));
    this.at += this.bytes.write(text, this.at, 'utf8');
  }

  /** The text from offset `start` to the end. */
  text(start: number): string {
    return this.bytes.toString('utf8', start, this.at);
  }
}
