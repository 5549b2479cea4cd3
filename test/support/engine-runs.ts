/** Runs jobs on a session and writes down what its sink is told. */
import type { SkyliftError } from '../../src/core/errors.ts';
import type { EngineJob, EngineSink, Session } from '../../src/engines/port.ts';
import type { Tensor } from '../../src/tensor/tensor.ts';

/** Everything that a sink was told. */
export interface Record {
  /** `part 3`, `done 3`, `fail 3`, `finished 3,4`, in order. */
  readonly calls: string[];
  readonly parts: (readonly Tensor[])[];
  readonly outputs: Map<number, readonly Tensor[]>;
  readonly errors: Map<number, SkyliftError>;
  ranUs: number;
}

/** A sink with its record and promises of what it was told first. */
export interface RecordingSink {
  readonly sink: EngineSink;
  readonly record: Record;
  readonly finished: Promise<void>;
  readonly firstPart: Promise<void>;
}

/** A sink that only listens. */
export function recordingSink(): RecordingSink {
  const record: Record = { calls: [], parts: [], outputs: new Map(), errors: new Map(), ranUs: 0 };
  const finished = Promise.withResolvers<void>();
  const firstPart = Promise.withResolvers<void>();
  const sink: EngineSink = {
    part(job, outputs) {
      record.calls.push(`part ${job}`);
      record.parts.push(outputs);
      firstPart.resolve();
    },
    done(job, outputs) {
      record.calls.push(`done ${job}`);
      record.outputs.set(job, outputs);
    },
    fail(job, error) {
      record.calls.push(`fail ${job}`);
      record.errors.set(job, error);
    },
    finished(jobs, ranUs) {
      record.calls.push(`finished ${jobs.join(',')}`);
      record.ranUs = ranUs;
      finished.resolve();
    },
  };
  return { sink, record, finished: finished.promise, firstPart: firstPart.promise };
}

/** Dispatches the jobs as one batch and waits for its end. */
export async function runJobs(session: Session, jobs: readonly EngineJob[]): Promise<Record> {
  const { sink, record, finished } = recordingSink();
  session.dispatch(jobs, sink);
  await finished;
  return record;
}

/** A float32 tensor of one dimension. */
export function floats(...values: number[]): Tensor {
  return { dtype: 'float32', dims: [values.length], bytes: new Uint8Array(new Float32Array(values).buffer) };
}

/** The numbers in a float32 tensor. */
export function numbersOf(tensor: Tensor | undefined): number[] {
  return [...new Float32Array(new Uint8Array(tensor?.bytes ?? []).buffer)];
}
