/** One binary heap for all deadlines: a timer per request would cost more than many requests do. */

interface Entry {
  readonly atMs: number;
  readonly id: number;
}

/** Smallest `atMs` first. Removed ids stay as dead entries until they surface or are half of the heap. */
export class DeadlineHeap {
  #entries: Entry[] = [];
  readonly #live = new Map<number, number>();

  get size(): number {
    return this.#live.size;
  }

  add(id: number, atMs: number): void {
    this.#live.set(id, atMs);
    this.#entries.push({ atMs, id });
    this.#siftUp(this.#entries.length - 1);
    if (this.#entries.length > 2 * this.#live.size + 64) this.#compact();
  }

  remove(id: number): void {
    this.#live.delete(id);
  }

  /** The earliest deadline, `Infinity` when there is none. */
  earliestMs(): number {
    this.#dropDead();
    return this.#entries[0]?.atMs ?? Infinity;
  }

  /** Removes and returns one id whose deadline is at or before `nowMs`. */
  takeExpired(nowMs: number): number | undefined {
    if (this.earliestMs() > nowMs) return undefined;
    const entry = this.#pop();
    if (entry) this.#live.delete(entry.id);
    return entry?.id;
  }

  #isDead(entry: Entry): boolean {
    return this.#live.get(entry.id) !== entry.atMs;
  }

  #dropDead(): void {
    for (let top = this.#entries[0]; top && this.#isDead(top); top = this.#entries[0]) this.#pop();
  }

  #compact(): void {
    // A sorted array is a heap.
    this.#entries = this.#entries.filter((entry) => !this.#isDead(entry)).sort((a, b) => a.atMs - b.atMs);
  }

  #pop(): Entry | undefined {
    const [top] = this.#entries;
    const last = this.#entries.pop();
    if (last && this.#entries.length > 0) {
      this.#entries[0] = last;
      this.#siftDown();
    }
    return top;
  }

  #siftUp(start: number): void {
    const heap = this.#entries;
    const entry = heap[start];
    if (!entry) return;
    let i = start;
    while (i > 0) {
      const parentIndex = (i - 1) >> 1;
      const parent = heap[parentIndex];
      if (!parent || parent.atMs <= entry.atMs) break;
      heap[i] = parent;
      heap[parentIndex] = entry;
      i = parentIndex;
    }
  }

  #siftDown(): void {
    const heap = this.#entries;
    const entry = heap[0];
    if (!entry) return;
    let i = 0;
    for (let left = heap[1]; left; left = heap[2 * i + 1]) {
      const right = heap[2 * i + 2];
      const [child, childIndex] = right && right.atMs < left.atMs ? [right, 2 * i + 2] : [left, 2 * i + 1];
      if (child.atMs >= entry.atMs) break;
      heap[i] = child;
      heap[childIndex] = entry;
      i = childIndex;
    }
  }
}
