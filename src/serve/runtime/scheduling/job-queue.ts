/**
 * The waiting jobs of one model version, in lanes: one lane per priority, tenant and bucket; jobs that run alone share one.
 * Tenants take turns by the rows they had, a lane is first in first out, and a run is filled from lanes of one bucket.
 */
import type { JobHead } from './scheduler-types.ts';
import { WaitingShares } from './waiting-shares.ts';

/** Every eighth run starts with a batch-priority job when one waits, so that the lower class is slow but not starved. */
const BATCH_TURN = 8;
/** A lane's array is compacted when this many taken entries lie before its head. */
const COMPACT_AFTER = 64;

interface Lane {
  readonly priority: JobHead['priority'];
  readonly tenant: string;
  readonly bucket: string | null;
  jobs: JobHead[];
  /** Index of the first job that was not taken. */
  head: number;
}

/** A run that is being filled. */
interface Run {
  readonly jobs: JobHead[];
  leftRows: number;
  leftBytes: number;
}

export class JobQueue {
  readonly #lanes = new Map<string, Lane>();
  /** Rows that each tenant with waiting jobs had; a newcomer starts at the smallest, so that idling earns nothing. */
  readonly #served = new Map<string, number>();
  readonly #waiting = new Map<number, JobHead>();
  #lastLane: Lane | undefined;
  readonly #shares = new WaitingShares();
  #runs = 0;

  get size(): number {
    return this.#waiting.size;
  }

  get rows(): number {
    return this.#shares.rows;
  }

  push(job: JobHead): void {
    this.#waiting.set(job.id, job);
    this.#shares.add(job);
    if (!this.#served.has(job.tenant)) this.#admitTenant(job.tenant);
    insert(this.#laneOf(job), job);
  }

  /** Most jobs go where the one before went; only others need a key. */
  #laneOf(job: JobHead): Lane {
    const { priority, tenant, bucket } = job;
    const last = this.#lastLane;
    if (last?.bucket === bucket && last.tenant === tenant && last.priority === priority) return last;
    const key = `${bucket === null ? 'alone' : 'shared'}\n${priority}\n${tenant}\n${bucket ?? ''}`;
    let lane = this.#lanes.get(key);
    if (!lane) {
      lane = { priority, tenant, bucket, jobs: [], head: 0 };
      this.#lanes.set(key, lane);
    }
    this.#lastLane = lane;
    return lane;
  }

  /** Takes a waiting job out; false when it does not wait here. */
  remove(id: number): boolean {
    const job = this.#waiting.get(id);
    if (!job) return false;
    this.#waiting.delete(id); // its lane skips it later
    this.#shares.remove(job);
    if (this.#waiting.size === 0) this.#reset();
    return true;
  }

  /** An estimate of the rows that run before `job` if it comes now. */
  rowsBefore(job: JobHead): number {
    return this.#shares.rowsBefore(job);
  }

  /** The newest job of whoever takes more than a fair part of a full queue, seen from the one who asks. */
  toShed(asking: Pick<JobHead, 'tenant' | 'priority'>): JobHead | undefined {
    const greedy = this.#shares.mostGreedy(asking);
    if (!greedy) return undefined;
    let newest: JobHead | undefined;
    for (const lane of this.#lanes.values()) {
      if (lane.priority !== greedy.priority || lane.tenant !== greedy.tenant) continue;
      const last = this.#last(lane);
      if (last && (!newest || last.id > newest.id)) newest = last;
    }
    return newest;
  }

  /** The jobs of the next run: at least one, together no more than both bounds unless a single job has more. */
  take(maxRows: number, maxBytes: number): JobHead[] {
    const first = this.#nextLane();
    if (!first) return [];
    this.#runs++;
    const run: Run = { jobs: [], leftRows: maxRows, leftBytes: maxBytes };
    this.#takeFrom(first, run);
    if (first.bucket !== null) {
      for (const lane of this.#lanes.values()) {
        if (run.leftRows <= 0) break;
        if (lane !== first && lane.bucket === first.bucket) this.#takeFrom(lane, run);
      }
    }
    if (this.#waiting.size === 0) this.#reset();
    return run.jobs;
  }

  /** Takes everything out, in the order of arrival. */
  clear(): JobHead[] {
    const jobs = [...this.#waiting.values()];
    for (const job of jobs) this.#shares.remove(job);
    this.#waiting.clear();
    this.#reset();
    return jobs;
  }

  #removeLane(key: string, lane: Lane): void {
    this.#lanes.delete(key);
    if (this.#lastLane === lane) this.#lastLane = undefined;
  }

  #admitTenant(tenant: string): void {
    const waiting = new Set([...this.#lanes.values()].map((lane) => lane.tenant));
    for (const known of this.#served.keys()) if (!waiting.has(known)) this.#served.delete(known);
    this.#served.set(tenant, this.#served.size === 0 ? 0 : Math.min(...this.#served.values()));
  }

  #reset(): void {
    this.#lanes.clear();
    this.#lastLane = undefined;
    this.#served.clear();
  }

  #nextLane(): Lane | undefined {
    const prefersBatch = this.#runs % BATCH_TURN === BATCH_TURN - 1;
    let best: Lane | undefined;
    let bestHead: JobHead | undefined;
    for (const [key, lane] of this.#lanes) {
      const head = this.#head(lane);
      if (!head) this.#removeLane(key, lane);
      else if (!best || !bestHead || this.#goesBefore(lane, head, best, bestHead, prefersBatch))
        [best, bestHead] = [lane, head];
    }
    return best;
  }

  // oxlint-disable-next-line max-params -- two lanes with their heads, compared
  #goesBefore(a: Lane, headA: JobHead, b: Lane, headB: JobHead, prefersBatch: boolean): boolean {
    if (a.priority !== b.priority) return (a.priority === 'batch') === prefersBatch;
    if (a.tenant !== b.tenant) {
      const servedA = this.#served.get(a.tenant) ?? 0;
      const servedB = this.#served.get(b.tenant) ?? 0;
      if (servedA !== servedB) return servedA < servedB;
    }
    return headA.id < headB.id; // ids grow with arrival
  }

  /** Moves jobs that fit from the lane to the run; its first job always fits. */
  #takeFrom(lane: Lane, run: Run): void {
    let rows = 0;
    for (let job = this.#head(lane); job; job = this.#head(lane)) {
      const fits = job.rows <= run.leftRows && job.sizeBytes <= run.leftBytes && lane.bucket !== null;
      if (run.jobs.length > 0 && !fits) break;
      lane.head++;
      this.#waiting.delete(job.id);
      this.#shares.remove(job);
      run.jobs.push(job);
      run.leftRows -= job.rows;
      run.leftBytes -= job.sizeBytes;
      rows += job.rows;
    }
    this.#served.set(lane.tenant, (this.#served.get(lane.tenant) ?? 0) + rows);
  }

  /** The last job of the lane that still waits. */
  #last({ jobs, head }: Lane): JobHead | undefined {
    return jobs.findLast((job, index) => index >= head && this.#waiting.get(job.id) === job);
  }

  /** The first job of the lane that still waits. */
  #head(lane: Lane): JobHead | undefined {
    let job = lane.jobs[lane.head];
    while (job && this.#waiting.get(job.id) !== job) job = lane.jobs[++lane.head];
    if (lane.head >= COMPACT_AFTER && lane.head * 2 >= lane.jobs.length) {
      lane.jobs = lane.jobs.slice(lane.head);
      lane.head = 0;
    }
    return job;
  }
}

/** In the order of ids: a job that is tried again stands before those that came after it. */
function insert({ jobs, head }: Lane, job: JobHead): void {
  let at = jobs.length;
  for (let before = jobs[at - 1]; at > head && before && before.id > job.id; before = jobs[at - 1]) at--;
  if (at === jobs.length) jobs.push(job);
  else jobs.splice(at, 0, job);
}
