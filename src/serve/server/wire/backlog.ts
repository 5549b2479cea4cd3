/** Bytes of replies that wait for clients who do not read: bounded over all connections of a listener. */
import type { Log } from '../../../core/log.ts';

/** A connection with less than this is no reason for trouble. */
const BLAMELESS_BYTES = 1024 * 1024;

export class Backlog {
  readonly #maxBytes: number;
  readonly #log: Log;
  #bytes = 0;

  constructor(maxBytes: number, log: Log) {
    this.#maxBytes = maxBytes;
    this.#log = log;
  }

  /**
   * The unsent bytes of a connection have changed to `nowBytes`. True when it must be ended: all together are too many,
   * and this one has a part in it.
   */
  change(beforeBytes: number, nowBytes: number): boolean {
    this.#bytes += nowBytes - beforeBytes;
    if (this.#bytes <= this.#maxBytes || nowBytes < BLAMELESS_BYTES || nowBytes <= beforeBytes) return false;
    this.#log('warn', 'a client that does not read its replies is cut off (--max_unsent_bytes)', {
      unsentBytes: nowBytes,
      limit: this.#maxBytes,
    });
    return true;
  }
}
