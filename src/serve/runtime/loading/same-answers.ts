/** Whether two sessions of one package answer the same to the last bit: on made-up inputs, signature by signature. */
import { isSkyliftError } from '../../../core/errors.ts';
import type { Rng } from '../../../core/random.ts';
import type { Session } from '../../../engines/port.ts';
import type { PackageManifest } from '../../../package/manifest.ts';
import type { Tensor } from '../../../tensor/tensor.ts';
import { randomRow } from './batch-check.ts';
import { runAlone } from './run-alone.ts';

/** A refusal is an answer, too. Throws SKY_ENGINE_LOST. */
export async function giveSameAnswers(
  a: Session,
  b: Session,
  { signatures }: PackageManifest,
  rng: Rng,
): Promise<boolean> {
  for (const [name, signature] of Object.entries(signatures)) {
    const job = { id: 1, signature: name, rows: 1, inputs: randomRow(signature, rng), params: new Map() };
    const [ofA, ofB] = [await answer(a, job), await answer(b, job)];
    if (!isSame(ofA, ofB)) return false;
  }
  return true;
}

type Answer = readonly Tensor[] | string;

async function answer(session: Session, job: Parameters<typeof runAlone>[1]): Promise<Answer> {
  try {
    return await runAlone(session, job);
  } catch (error) {
    if (!isSkyliftError(error) || error.code === 'SKY_ENGINE_LOST') throw error;
    return error.code;
  }
}

function isSame(a: Answer, b: Answer): boolean {
  if (typeof a === 'string' || typeof b === 'string') return a === b;
  return a.length === b.length && a.every((tensor, i) => isSameTensor(tensor, b[i]));
}

function isSameTensor({ dtype, dims, bytes }: Tensor, other: Tensor | undefined): boolean {
  return (
    other?.dtype === dtype &&
    other.dims.join() === dims.join() &&
    Buffer.compare(Buffer.from(bytes), Buffer.from(other.bytes)) === 0
  );
}
