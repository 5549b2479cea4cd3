/** How long the texts of one document may be together: outputs come from models, and a small request may ask for a huge one. */
import { SkyliftError } from '../../core/errors.ts';

export class TextBudget {
  readonly #maxBytes: number;
  /** What may still be written. */
  leftBytes: number;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.leftBytes = maxBytes;
  }

  /** Throws SKY_REQUEST_TOO_LARGE when `sizeBytes` more are too many. */
  require(sizeBytes: number): void {
    if (sizeBytes <= this.leftBytes) return;
    throw new SkyliftError(
      'SKY_REQUEST_TOO_LARGE',
      `the reply needs more than ${this.#maxBytes} bytes (max_reply_bytes)`,
    );
  }

  /** Counts `sizeBytes`. Throws as `require` does. */
  take(sizeBytes: number): void {
    this.require(sizeBytes);
    this.leftBytes -= sizeBytes;
  }
}
