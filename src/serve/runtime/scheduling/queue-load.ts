/** What the jobs of one queue cost: time per row, core time in all, and whether native code is what they wait for. */

/** Runs after which the measured cost of a row is trusted. */
const TRUSTED_RUNS = 8;
/** Weight of the newest run in the moving averages. */
const NEWEST_WEIGHT = 0.2;
/** Sessions that spend this share of their time in native code while jobs wait are the bottleneck. */
const PRESSURE_SHARE = 0.5;
const PRESSURE_WINDOW_MS = 200;

export class QueueLoad {
  /** Core-microseconds that the queue had; the smallest goes next when cores are short. */
  servedUs = 0;
  /** Moving average, microseconds of a session per row. */
  #costUsPerRow = 0;
  #runs = 0;
  /** End of the last run, if jobs have waited ever since. */
  #backlogSinceMs: number | undefined;
  /** Moving averages over the runs of a backlog: time between their ends, and their rows. */
  #backlogMs = 0;
  #backlogRows = 0;
  /** Microseconds in native code since `#watchedSinceMs`. */
  #watchedRunUs = 0;
  #watchedSinceMs = 0;

  /** A run is over. One of 0 us did not happen: its jobs could not be handed over. */
  record(ranUs: number, rows: number, threads: number): void {
    if (ranUs === 0) return;
    const usPerRow = ranUs / Math.max(1, rows);
    this.#costUsPerRow =
      this.#runs === 0 ? usPerRow : this.#costUsPerRow + NEWEST_WEIGHT * (usPerRow - this.#costUsPerRow);
    this.#runs++;
    this.servedUs += ranUs * threads;
    this.#watchedRunUs += ranUs;
  }

  /** Enough runs were seen to refuse a job by their cost. */
  get isTrusted(): boolean {
    return this.#runs >= TRUSTED_RUNS;
  }

  /** A run of `rows` is over and jobs wait. Told of every such end, it learns how fast a backlog really shrinks. */
  backlogAt(at: number, rows: number): void {
    if (this.#backlogSinceMs !== undefined && rows > 0) {
      this.#backlogMs += NEWEST_WEIGHT * (at - this.#backlogSinceMs - this.#backlogMs);
      this.#backlogRows += NEWEST_WEIGHT * (rows - this.#backlogRows);
    }
    this.#backlogSinceMs = at;
  }

  /** Nobody waited until now. */
  noBacklog(): void {
    this.#backlogSinceMs = undefined;
  }

  /** Time of so many rows on one session in native code. */
  runMs(rows: number): number {
    return (rows * this.#costUsPerRow) / 1000;
  }

  /**
   * Time until so many waiting rows have started. A backlog that was seen tells it with all that slows it down: other
   * models on the same cores, the way to the engine. Else what the rows cost, on so many sessions.
   */
  waitMs(rows: number, sessions: number): number {
    if (this.#backlogRows > 0) return (rows * this.#backlogMs) / this.#backlogRows;
    return this.runMs(rows) / Math.max(1, sessions);
  }

  /** Asked after runs while jobs wait: that alone is no reason for one more engine, native code must keep them waiting. */
  isUnderPressure(at: number, sessions: number): boolean {
    if (at - this.#watchedSinceMs < PRESSURE_WINDOW_MS) return false;
    const nativeShare = this.#watchedRunUs / 1000 / (at - this.#watchedSinceMs) / sessions;
    this.#watchedSinceMs = at;
    this.#watchedRunUs = 0;
    return nativeShare >= PRESSURE_SHARE;
  }
}
