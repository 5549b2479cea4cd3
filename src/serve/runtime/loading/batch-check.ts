/**
 * Proves on real runs that rows do not see each other: two rows alone must give what they give together. A free first
 * dimension is only a hint; a graph that normalizes or ranks over its batch has one too, and must never mix callers.
 */
import { isSkyliftError } from '../../../core/errors.ts';
import type { EngineJob, Session } from '../../../engines/port.ts';
import type { Signature } from '../../../package/manifest.ts';
import { haveRows, joinRows, splitJobs } from '../../../tensor/rows.ts';
import { tensor, tensorValues } from '../../../tensor/values.ts';
import { elementCount } from '../../../tensor/tensor.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import type { Rng } from '../../../core/random.ts';
import { runAlone } from './run-alone.ts';

/** Sums in another order differ by a few units in the last place; a mixed-up batch differs by far more. */
const RELATIVE_TOLERANCE = 1e-3;
const ABSOLUTE_TOLERANCE = 1e-4;

/** False when the outputs of a row depend on the rows beside it. Throws the engine's error when a row does not run alone. */
export async function hasIndependentRows(
  session: Session,
  name: string,
  signature: Signature,
  rng: Rng,
): Promise<boolean> {
  const rows = [randomRow(signature, rng), randomRow(signature, rng)];
  const alone: (readonly Tensor[])[] = [];
  for (const inputs of rows) alone.push(await runAlone(session, job(name, inputs, 1)));
  const joined = signature.inputs.map((_, i) => join(rows.flatMap((inputs) => inputs[i] ?? [])));
  const together = await runAlone(session, job(name, joined, rows.length)).catch(noAnswer);
  if (together.length === 0 || !haveRows(together, rows.length)) return false;
  return splitJobs(together, [1, 1]).every((outputs, row) =>
    outputs.every((output, i) => isSameRow(output, alone[row]?.[i])),
  );
}

function join(parts: readonly Tensor[]): Tensor {
  const { dtype, dims, chunks } = joinRows(parts);
  return { dtype, dims, bytes: Buffer.concat(chunks) };
}

/** A refusal to run two rows is an answer, too; a lost engine gives none. */
function noAnswer(error: unknown): readonly Tensor[] {
  if (isSkyliftError(error) && error.code === 'SKY_ENGINE_LOST') throw error;
  return [];
}

function job(signature: string, inputs: readonly Tensor[], rows: number): EngineJob {
  return { id: 1, signature, rows, inputs, params: new Map() };
}

/** One row of made-up inputs; free dimensions are 1. */
export function randomRow(signature: Signature, rng: Rng): Tensor[] {
  return signature.inputs.map((spec) => randomTensor(spec, rng));
}

/** Floats in -1..1, other numbers 0 or 1, which are legal token ids and class numbers almost everywhere. */
function randomTensor({ dtype, dims }: TensorSpec, rng: Rng): Tensor {
  const shape = (dims ?? [1]).map((dim) => (typeof dim === 'number' ? dim : 1));
  const values = Array.from({ length: elementCount(shape) }, () => {
    if (dtype === 'string') return String(rng.u32());
    if (dtype === 'bool') return rng.float() < 0.5;
    return dtype.includes('float') ? rng.float() * 2 - 1 : rng.u32() % 2;
  });
  return tensor(dtype, shape, values);
}

function isSameRow(together: Tensor, alone: Tensor | undefined): boolean {
  if (alone?.dims[0] !== 1) return false;
  const [a, b] = [valuesOf(together), valuesOf(alone)];
  return a.length === b.length && a.every((value, i) => isClose(value, b[i]));
}

function valuesOf(row: Tensor): readonly unknown[] {
  return Array.from(tensorValues(row) as ArrayLike<unknown>);
}

function isClose(a: unknown, b: unknown): boolean {
  if (typeof a !== 'number' || typeof b !== 'number') return Object.is(a, b) || String(a) === String(b);
  return (
    Object.is(a, b) ||
    Math.abs(a - b) <= ABSOLUTE_TOLERANCE + RELATIVE_TOLERANCE * Math.max(Math.abs(a), Math.abs(b))
  );
}
