/**
 * A loaded session as the front sees it: turns jobs into frames and frames into calls of the sinks. What the engine says
 * is checked against what it was asked.
 */
import { SkyliftError } from '../../core/errors.ts';
import type { Signature } from '../../package/manifest.ts';
import { haveRows, joinRows, splitJobs } from '../../tensor/rows.ts';
import type { Capacity, EngineJob, EngineSink, MemoryReport, Session } from '../port.ts';
import { frameError } from './frame.ts';
import type { Frame, FrameJob, FrameKind, OutgoingFrame } from './frame.ts';
import { formatParams, parseError } from './messages.ts';

/** What a session needs of its engine. */
export interface SessionHost {
  /** False once the exit or the kill of the engine is pending. */
  readonly isLive: boolean;
  /** Throws SKY_ENGINE_LOST when the engine is not live. */
  send(frame: OutgoingFrame): void;
  /** Whether the engine can have read the frame. */
  isWritten(tag: number): boolean;
  /** All answers to the frame have come. */
  release(tag: number): void;
  /** A tag that no frame in flight of this engine has. */
  nextTag(): number;
  memory(): Promise<MemoryReport>;
  unload(session: number): Promise<void>;
}

interface Batch {
  /** Ids of the jobs; in frames a job is its place among them. */
  readonly ids: readonly number[];
  /** Jobs without an answer yet, by place. */
  readonly open: Map<number, FrameJob>;
  /** Places. */
  readonly dropped: Set<number>;
  readonly signature: Signature;
  readonly sink: EngineSink;
}

export interface SessionProxyOptions {
  readonly id: number;
  readonly host: SessionHost;
  readonly capacity: Capacity;
  readonly signatures: Readonly<Record<string, Signature>>;
}

export class SessionProxy implements Session {
  readonly capacity: Capacity;
  readonly #id: number;
  readonly #host: SessionHost;
  readonly #signatures: Readonly<Record<string, Signature>>;
  /** Place of each signature in the order of the manifest. */
  readonly #places: ReadonlyMap<string, number>;
  readonly #batches = new Map<number, Batch>();
  #isUnloaded = false;

  constructor({ id, host, capacity, signatures }: SessionProxyOptions) {
    this.#id = id;
    this.#host = host;
    this.capacity = capacity;
    this.#signatures = signatures;
    this.#places = new Map(Object.keys(signatures).map((name, place) => [name, place]));
  }

  /** True while an answer is awaited. */
  get isBusy(): boolean {
    return this.#batches.size > 0;
  }

  dispatch(jobs: readonly EngineJob[], sink: EngineSink): void {
    const [first] = jobs;
    if (!first) throw new SkyliftError('SKY_INTERNAL', 'a dispatch without jobs');
    if (this.#isUnloaded) throw new SkyliftError('SKY_ENGINE_LOST', 'the session was unloaded');
    const { signature, place } = this.#find(first.signature);
    const tag = this.#host.nextTag();
    const frameJobs = jobs.map(({ rows }, id) => ({ id, rows }));
    this.#host.send({
      kind: 'run',
      session: this.#id,
      tag,
      signature: place,
      jobs: frameJobs,
      tensors: first.inputs.map((_, i) => joinRows(jobs.flatMap((job) => job.inputs[i] ?? []))),
      json: formatParams(jobs.map((job) => job.params)),
    });
    this.#batches.set(tag, {
      ids: jobs.map((job) => job.id),
      open: new Map(frameJobs.map((job) => [job.id, job])),
      dropped: new Set(),
      signature,
      sink,
    });
  }

  drop(job: number): void {
    if (!this.#host.isLive) return;
    for (const [tag, batch] of this.#batches) {
      const open = batch.open.get(batch.ids.indexOf(job));
      if (!open || batch.dropped.has(open.id)) continue;
      batch.dropped.add(open.id);
      this.#host.send({ kind: 'drop', session: this.#id, tag, jobs: [open] });
    }
  }

  memory(): Promise<MemoryReport> {
    return this.#host.memory();
  }

  unload(): Promise<void> {
    this.#isUnloaded = true;
    return this.#host.unload(this.#id);
  }

  /** Forgets what is in flight: no sink is called any more. */
  abandon(): void {
    this.#isUnloaded = true;
    this.#batches.clear();
  }

  /** Takes an answer of the engine. Throws SKY_ENGINE_PROTOCOL. */
  receive(frame: Frame): void {
    const batch = this.#batches.get(frame.tag);
    if (!batch) throw frameError(`${frame.kind} for batch ${frame.tag}, which is not in flight`);
    // callers take an answer for a sign that nobody reads their memory any more
    if (!this.#host.isWritten(frame.tag))
      throw frameError(`${frame.kind} for batch ${frame.tag}, which is still being written`);
    const call = readAnswer(frame, batch);
    for (const job of frame.jobs) takeOpen(batch, job, frame.kind);
    const isOver = batch.open.size === 0;
    if (isOver !== frame.isLast)
      throw frameError(`batch ${frame.tag} has ${batch.open.size} open jobs, isLast is ${frame.isLast}`);
    if (isOver) {
      this.#batches.delete(frame.tag);
      this.#host.release(frame.tag);
    }
    for (const [i, { id }] of frame.jobs.entries()) {
      const job = batch.ids[id];
      if (job !== undefined && !batch.dropped.has(id)) call(job, i);
    }
    if (isOver) batch.sink.finished(batch.ids, frame.ranUs);
  }

  #find(name: string): { signature: Signature; place: number } {
    const signature = this.#signatures[name];
    const place = this.#places.get(name);
    if (!signature || place === undefined)
      throw new SkyliftError('SKY_SIGNATURE_NOT_FOUND', `the session has no signature "${name}"`);
    return { signature, place };
  }
}

/** The call of the sink for job number `i` of the frame. */
function readAnswer(frame: Frame, { sink, signature }: Batch): (job: number, i: number) => void {
  if (frame.kind === 'fail') {
    const error = parseError(frame.json);
    return (job) => sink.fail(job, error);
  }
  requireOutputs(frame, signature);
  const outputs = splitJobs(
    frame.tensors,
    frame.jobs.map((job) => job.rows),
  );
  if (frame.kind === 'part') return (job, i) => sink.part(job, outputs[i] ?? []);
  return (job, i) => sink.done(job, outputs[i] ?? []);
}

function requireOutputs({ jobs, tensors }: Frame, { outputs }: Signature): void {
  const found = tensors.map((tensor) => tensor.dtype).join(' ');
  const wanted = outputs.map((output) => output.dtype).join(' ');
  if (found !== wanted) throw frameError(`outputs are (${found}), the signature says (${wanted})`);
  const rows = jobs.reduce((sum, job) => sum + job.rows, 0);
  if (jobs.length !== 1 && !haveRows(tensors, rows))
    throw frameError(`outputs of ${jobs.length} jobs do not have ${rows} rows`);
}

/** A part leaves its job open, everything else is its one answer. */
function takeOpen({ open }: Batch, job: FrameJob, kind: FrameKind): void {
  const asked = open.get(job.id);
  if (!asked || asked.rows !== job.rows)
    throw frameError(`${kind} for job ${job.id} with ${job.rows} rows, which is not open`);
  if (kind !== 'part') open.delete(job.id);
}
