/** A growing buffer that JSON text is written into. */

/** Appends ASCII and UTF-8; `bytes` and `at` are open to loops that write digits themselves after `reserve`. */
export class ByteWriter {
  bytes: Buffer;
  /** Bytes written. */
  at = 0;

  constructor(sizeBytes: number) {
    this.bytes = Buffer.allocUnsafeSlow(sizeBytes);
  }

  /** Begins again; a buffer that grew beyond `keepBytes` is given up. */
  reset(keepBytes: number): void {
    this.at = 0;
    if (this.bytes.length > keepBytes) this.bytes = Buffer.allocUnsafeSlow(keepBytes);
  }

  /** Makes sure that `sizeBytes` more fit. */
  reserve(sizeBytes: number): void {
    if (this.at + sizeBytes <= this.bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + sizeBytes));
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
    this.reserve(text.length * 3);
    this.at += this.bytes.write(text, this.at, 'utf8');
  }

  /** The text from offset `start` to the end. */
  text(start: number): string {
    return this.bytes.toString('utf8', start, this.at);
  }
}
