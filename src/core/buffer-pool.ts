/**
 * Large buffers that are used again. Memory outside of V8's heap is dear to make (every page is a fault) and dear to lose
 * (its size makes the collector run), so that equal requests should share it one after the other.
 */

/** Smaller buffers are not worth keeping. */
const SMALLEST_BYTES = 64 * 1024;
/** Sizes are rounded up, so that requests that differ by little share. */
const STEP_BYTES = 64 * 1024;
/** A buffer more than so many times larger than what is asked for stays for larger requests. */
const MOST_WASTE = 2;

export class BufferPool {
  readonly #maxBytes: number;
  readonly #free: Buffer[] = [];
  readonly #lent = new WeakSet<ArrayBufferLike>();
  #freeBytes = 0;

  /** @param maxBytes kept for reuse at most */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Memory of exact size with any content, at an aligned offset. Throws RangeError when there is none. */
  take(sizeBytes: number): Buffer {
    if (sizeBytes < SMALLEST_BYTES) return Buffer.allocUnsafeSlow(sizeBytes);
    const kept = this.#takeFree(sizeBytes);
    const whole = kept ?? Buffer.allocUnsafeSlow(Math.ceil(sizeBytes / STEP_BYTES) * STEP_BYTES);
    this.#lent.add(whole.buffer);
    return whole.subarray(0, sizeBytes);
  }

  /** Takes memory back that nobody uses any more, whole or a view of it. What is not of this pool is ignored. */
  give({ buffer }: Uint8Array): void {
    if (!this.#lent.delete(buffer)) return;
    if (this.#freeBytes + buffer.byteLength > this.#maxBytes) return;
    this.#freeBytes += buffer.byteLength;
    this.#free.push(Buffer.from(buffer));
  }

  /** The one given back last is most likely in a cache. */
  #takeFree(sizeBytes: number): Buffer | undefined {
    const at = this.#free.findLastIndex(
      ({ length }) => length >= sizeBytes && length <= sizeBytes * MOST_WASTE,
    );
    const [found] = at < 0 ? [] : this.#free.splice(at, 1);
    if (found) this.#freeBytes -= found.length;
    return found;
  }
}
