/** Warm-up: runs a session on blank inputs, measures what batching brings and how long a run may take at most. */
import type { Clock } from '../../../core/clock.ts';
import type { EngineJob, Session } from '../../../engines/port.ts';
import type { Signature } from '../../../package/manifest.ts';
import { byteSize } from '../../../tensor/tensor.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { runTimed } from './run-alone.ts';

/** One point of the batch curve. */
export interface BatchPoint {
  readonly rows: number;
  /** Shortest of the measured runs, microseconds in native code. */
  readonly runUs: number;
  /** Shortest of the same runs with the way to the engine and back. */
  readonly tripUs: number;
}

export interface Measured {
  readonly curve: readonly BatchPoint[];
  /** Rows of a run at most; the smallest batch within 10 % of the best rows per second. */
  readonly maxRows: number;
  /** Rows of a run while many wait: the smallest batch within 2 % of the best rows per second, trips included. */
  readonly crowdRows: number;
  /** The longest run seen, microseconds. */
  readonly slowestUs: number;
}

export interface WarmUpOptions {
  readonly signatureName: string;
  readonly signature: Signature;
  readonly isBatched: boolean;
  readonly maxRows: number;
  readonly budgetMs: number;
  readonly clock: Clock;
}

/** Runs per batch size: the first is cold, the shortest of the others counts. */
const RUNS_PER_POINT = 5;
/** A larger batch must beat this share of the best rows per second to be worth its latency; measurements differ by some per cent. */
const WITHIN_BEST = 0.9;
/** The same while requests queue up: throughput is what shortens their wait. */
const WITHIN_BEST_OF_CROWD = 0.98;
/** Sizes in a row without gain after which the measurement stops. */
const LOSSES_TO_STOP = 2;

/** Throws the engine's error when not even a single blank row runs. */
export async function warmUp(session: Session, options: WarmUpOptions): Promise<Measured> {
  const endsAtMs = options.clock.nowMs() + options.budgetMs;
  const curve: BatchPoint[] = [];
  let slowestUs = 0;
  let losses = 0;
  let best = 0;
  for (let rows = 1; rows <= (options.isBatched ? options.maxRows : 1); rows *= 2) {
    const runs = await measure(session, blankJob(options, rows), options.clock, endsAtMs);
    slowestUs = Math.max(slowestUs, ...runs.map(({ runUs }) => runUs));
    const runUs = Math.min(...runs.map((run) => run.runUs));
    curve.push({ rows, runUs, tripUs: Math.min(...runs.map(({ tripUs }) => tripUs)) });
    losses = rows / runUs > best ? 0 : losses + 1;
    best = Math.max(best, rows / runUs);
    if (losses >= LOSSES_TO_STOP || options.clock.nowMs() >= endsAtMs) break;
  }
  return { curve, ...chooseRows(curve), slowestUs };
}

/** 1 for an empty curve. */
export function chooseRows(curve: readonly BatchPoint[]): Pick<Measured, 'maxRows' | 'crowdRows'> {
  const maxRows = nearlyBest(curve, ({ rows, runUs }) => rows / runUs, WITHIN_BEST);
  const crowdRows = nearlyBest(curve, ({ rows, tripUs }) => rows / tripUs, WITHIN_BEST_OF_CROWD);
  return { maxRows, crowdRows: Math.max(maxRows, crowdRows) };
}

/** The smallest batch whose gain is at least `share` of the greatest. */
function nearlyBest(
  curve: readonly BatchPoint[],
  gain: (point: BatchPoint) => number,
  share: number,
): number {
  const best = Math.max(0, ...curve.map(gain));
  return curve.find((point) => gain(point) >= share * best)?.rows ?? 1;
}

type Run = Pick<BatchPoint, 'runUs' | 'tripUs'>;

async function measure(session: Session, job: EngineJob, clock: Clock, endsAtMs: number): Promise<Run[]> {
  const runs: Run[] = [];
  for (let i = 0; i < RUNS_PER_POINT; i++) {
    const startedAtMs = clock.nowMs();
    const { ranUs } = await runTimed(session, { ...job, id: i + 1 });
    const endedAtMs = clock.nowMs();
    const tripUs = Math.max(ranUs, (endedAtMs - startedAtMs) * 1000);
    if (i > 0 || endedAtMs >= endsAtMs) runs.push({ runUs: ranUs, tripUs });
    if (endedAtMs >= endsAtMs) break;
  }
  return runs;
}

function blankJob({ signatureName, signature }: WarmUpOptions, rows: number): EngineJob {
  const inputs = signature.inputs.map((spec) => blankTensor(spec, rows));
  return { id: 1, signature: signatureName, rows, inputs, params: new Map() };
}

/** Zeros; the first dimension is `rows` when it is free, other free dimensions are 1. */
function blankTensor(spec: TensorSpec, rows: number): Tensor {
  const dims = (spec.dims ?? [rows]).map((dim, axis) =>
    typeof dim === 'number' ? dim : axis === 0 ? rows : 1,
  );
  return { dtype: spec.dtype, dims, bytes: new Uint8Array(byteSize(spec.dtype, dims)) };
}
