/** What a version did since it was loaded, as the statistics extension of the Open Inference Protocol counts. */

/** How often something happened, and how long it took in all. */
export interface Duration {
  count: number;
  us: number;
}

interface WaitedAndRan {
  readonly queuedUs: number;
  /** From dispatch to result. */
  readonly ranUs: number;
}

export class VersionStatistics {
  /** Rows that were answered. */
  inferenceCount = 0;
  /** Runs of engines: requests that share one count once. */
  executionCount = 0;
  /** Milliseconds since the epoch; 0: never. */
  lastInferenceMs = 0;
  readonly success: Duration = { count: 0, us: 0 };
  readonly fail: Duration = { count: 0, us: 0 };
  readonly queue: Duration = { count: 0, us: 0 };
  /** From dispatch to result, with the way to the engine and back. */
  readonly run: Duration = { count: 0, us: 0 };
  /** Native code alone, by rows of a run. */
  readonly batches = new Map<number, Duration>();

  answered(rows: number, { queuedUs, ranUs }: WaitedAndRan, wallMs: number): void {
    this.inferenceCount += rows;
    this.lastInferenceMs = wallMs;
    add(this.success, queuedUs + ranUs);
    add(this.queue, queuedUs);
    add(this.run, ranUs);
  }

  /** @param tookUs since its arrival */
  failed(tookUs: number): void {
    add(this.fail, tookUs);
  }

  /** A run of an engine is over. */
  ran(rows: number, nativeUs: number): void {
    this.executionCount++;
    const batch = this.batches.get(rows) ?? { count: 0, us: 0 };
    this.batches.set(rows, batch);
    add(batch, nativeUs);
  }
}

function add(duration: Duration, us: number): void {
  duration.count++;
  duration.us += us;
}
