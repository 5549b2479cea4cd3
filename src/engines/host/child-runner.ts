/**
 * Runs what the front dispatches inside an engine process: a batch as one run, and if that fails job by job; streams part
 * by part; batch sessions one after the other, with the event loop alive in between.
 */
import { SkyliftError } from '../../core/errors.ts';
import { haveRows, splitJobs } from '../../tensor/rows.ts';
import type { ScatteredTensor } from '../../tensor/rows.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Frame, FrameJob, OutgoingFrame } from './frame.ts';
import { formatError } from './messages.ts';
import type { NativeAnswer, NativeSession, NativeStream, Params } from './native.ts';

/** Tiny runs share an event-loop turn and its write up to this time; longer ones answer at once. */
const TURN_BUDGET_MS = 0.2;
const MAX_U32 = 0xffff_ffff;

/** A dispatched batch. */
export interface RunTask {
  readonly session: NativeSession;
  readonly signature: string;
  readonly frame: Frame;
  /** Of each job. */
  readonly params: readonly Params[];
}

export interface RunnerOptions {
  /** True when the frame holds copies of its tensors. */
  readonly send: (frame: OutgoingFrame) => boolean;
  readonly flush: () => void;
  /** The memory of the frame is not used any more. */
  readonly release: (frame: Frame) => void;
  readonly nowMs: () => number;
}

interface Batch extends RunTask {
  readonly dropped: Set<number>;
  unanswered: number;
  /** Outputs are still to be written from where they lie, which may be the memory of an input. */
  hasViews: boolean;
  ranMs: number;
}

interface Answer extends Pick<OutgoingFrame, 'kind' | 'tensors' | 'json'> {
  readonly jobs: readonly FrameJob[];
}

export class ChildRunner {
  readonly #options: RunnerOptions;
  readonly #batches = new Map<number, Batch>();
  readonly #queue: (() => Promise<void> | void)[] = [];
  #isPumping = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** Takes a batch: behind the others for a batch session, at once for a session with slots. */
  run(task: RunTask): void {
    const batch = {
      ...task,
      dropped: new Set<number>(),
      unanswered: task.frame.jobs.length,
      hasViews: false,
      ranMs: 0,
    };
    this.#batches.set(task.frame.tag, batch);
    if (task.session.capacity.kind === 'batch') this.enqueue(() => this.#runBatch(batch));
    else void this.#runBatch(batch);
  }

  /** Does `work` behind the batches that wait. It must not throw. */
  enqueue(work: () => Promise<void> | void): void {
    this.#queue.push(work);
    if (!this.#isPumping) void this.#pump();
  }

  /** Skips the jobs if they have not started; a stream ends at its next part. */
  drop(frame: Frame): void {
    for (const job of frame.jobs) this.#batches.get(frame.tag)?.dropped.add(job.id);
  }

  async #pump(): Promise<void> {
    const { flush, nowMs } = this.#options;
    this.#isPumping = true;
    let turnStartedMs = nowMs();
    for (let work = this.#queue.shift(); work; work = this.#queue.shift()) {
      await work();
      if (this.#queue.length > 0 && nowMs() - turnStartedMs < TURN_BUDGET_MS) continue;
      flush();
      if (this.#queue.length > 0) await new Promise(setImmediate); // drops and new batches come in
      turnStartedMs = nowMs();
    }
    this.#isPumping = false;
  }

  async #runBatch(batch: Batch): Promise<void> {
    const { jobs, tensors } = batch.frame;
    if (await this.#tryTogether(batch)) return;
    const inputs = splitJobs(
      tensors,
      jobs.map((job) => job.rows),
    );
    const runs = jobs.map((job, i) => () => this.#runAlone(batch, job, inputs[i] ?? [], batch.params[i]));
    if (batch.session.capacity.kind === 'slots') await Promise.all(runs.map((run) => run()));
    else for (const run of runs) await run();
  }

  /** Answers all jobs with one run; false when they must run one by one. */
  async #tryTogether(batch: Batch): Promise<boolean> {
    const { session, signature, frame, params, dropped } = batch;
    const rows = frame.jobs.reduce((sum, job) => sum + job.rows, 0);
    const isWanted = frame.jobs.length > 1 && dropped.size < frame.jobs.length;
    const isPossible = session.capacity.kind === 'batch' && params.every((entries) => entries.size === 0);
    if (!isWanted || !isPossible || !haveRows(frame.tensors, rows)) return false;
    try {
      const outputs = await this.#timed(batch, async () => {
        const answer = session.run(signature, frame.tensors, new Map());
        return isStream(answer) ? [] : answer;
      });
      if (outputs.length === 0 || !haveRows(outputs, rows)) return false;
      this.#answer(batch, { kind: 'result', jobs: frame.jobs, tensors: outputs.map(outgoing) });
      return true;
    } catch {
      return false; // each job will say why on its own
    }
  }

  async #runAlone(
    batch: Batch,
    job: FrameJob,
    inputs: readonly Tensor[],
    params: Params = new Map(),
  ): Promise<void> {
    const jobs = [job];
    try {
      requireWanted(batch, job);
      const outputs = await this.#timed(batch, () =>
        this.#collect(batch, job, batch.session.run(batch.signature, inputs, params)),
      );
      this.#answer(batch, { kind: 'result', jobs, tensors: outputs.map(outgoing) });
    } catch (error) {
      this.#answer(batch, { kind: 'fail', jobs, json: formatError(error, 'SKY_ENGINE_RUN') });
    }
  }

  async #collect(batch: Batch, job: FrameJob, answer: NativeAnswer): Promise<readonly Tensor[]> {
    if (!isStream(answer)) return answer;
    const { session, tag } = batch.frame;
    for (let step = await answer.next(); ; step = await answer.next()) {
      if (step.done) return step.value;
      if (batch.dropped.has(job.id)) await answer.return([]);
      requireWanted(batch, job);
      this.#send(batch, { kind: 'part', session, tag, jobs: [job], tensors: step.value.map(outgoing) });
    }
  }

  async #timed<T>(batch: Batch, work: () => Promise<T>): Promise<T> {
    const startedMs = this.#options.nowMs();
    try {
      return await work();
    } finally {
      batch.ranMs += this.#options.nowMs() - startedMs;
    }
  }

  /** Throws SKY_REQUEST_TOO_LARGE, and the jobs still want an answer then. */
  #answer(batch: Batch, answer: Answer): void {
    const { session, tag } = batch.frame;
    const unanswered = batch.unanswered - answer.jobs.length;
    const ranUs = Math.min(MAX_U32, Math.round(batch.ranMs * 1000));
    this.#send(batch, { ...answer, session, tag, isLast: unanswered === 0, ranUs });
    batch.unanswered = unanswered;
    if (unanswered > 0) return;
    this.#batches.delete(tag);
    if (!batch.hasViews) this.#options.release(batch.frame);
  }

  #send(batch: Batch, frame: OutgoingFrame): void {
    if (!this.#options.send(frame)) batch.hasViews = true;
  }
}

function requireWanted(batch: Batch, job: FrameJob): void {
  if (batch.dropped.has(job.id)) throw new SkyliftError('SKY_CANCELLED', `job ${job.id} was dropped`);
}

function outgoing({ dtype, dims, bytes }: Tensor): ScatteredTensor {
  return { dtype, dims, chunks: [bytes] };
}

function isStream(answer: NativeAnswer): answer is NativeStream {
  return Symbol.asyncIterator in answer;
}
