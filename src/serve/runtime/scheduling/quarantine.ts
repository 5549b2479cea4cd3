/** Remembers requests that ended engines, by a keyed digest of their inputs, so that a repeat is refused at once. */
import type { Clock } from '../../../core/clock.ts';
import type { Tensor } from '../../../tensor/tensor.ts';

/** What makes two requests the same. */
export interface RequestContent {
  readonly queue: string;
  readonly signature: string;
  readonly inputs: readonly Tensor[];
}

export interface QuarantineOptions {
  readonly clock: Clock;
  readonly entries: number;
  readonly durationMs: number;
  /** A keyed hash of the parts; the key keeps the list from telling what was sent. */
  readonly digest: (parts: readonly (string | Uint8Array)[]) => string;
}

/** Bounded, oldest out first; costs nothing while it is empty. */
export class Quarantine {
  readonly #options: QuarantineOptions;
  readonly #untilMs = new Map<string, number>();

  constructor(options: QuarantineOptions) {
    this.#options = options;
  }

  add(content: RequestContent): void {
    const { clock, entries, durationMs } = this.#options;
    this.#untilMs.set(this.#digest(content), clock.nowMs() + durationMs);
    for (const oldest of this.#untilMs.keys()) {
      if (this.#untilMs.size <= entries) break;
      this.#untilMs.delete(oldest);
    }
  }

  /** For how long the request is still refused; 0: it is not. */
  leftMs(content: RequestContent): number {
    if (this.#untilMs.size === 0) return 0;
    const digest = this.#digest(content);
    const leftMs = (this.#untilMs.get(digest) ?? 0) - this.#options.clock.nowMs();
    if (leftMs > 0) return leftMs;
    this.#untilMs.delete(digest);
    return 0;
  }

  #digest({ queue, signature, inputs }: RequestContent): string {
    const parts = inputs.flatMap((input) => [`${input.dtype}[${input.dims.join(',')}]`, input.bytes]);
    return this.#options.digest([queue, signature, ...parts]);
  }
}
