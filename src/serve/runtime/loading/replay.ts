/** Runs recorded requests on a session that is offered to nobody yet, on the way that requests go. */
import { SkyliftError, toSkyliftError } from '../../../core/errors.ts';
import type { Session } from '../../../engines/port.ts';
import { prepareRequest } from '../prepare-request.ts';
import type { PreparingVersion } from '../prepare-request.ts';
import { ANONYMOUS } from '../requests.ts';
import { runAlone } from './run-alone.ts';
import type { RecordedRequests } from './version-options.ts';

/** How many were run. Throws the error of the first that fails, and of a file that is wrong. */
export async function replay(
  session: Session,
  version: PreparingVersion,
  recorded: RecordedRequests,
): Promise<number> {
  const { servable } = version;
  const iterations = recorded.iterations ?? 1;
  let records = 0;
  for (const { signature, inputs } of await recorded.read(servable)) {
    const prepared = prepareRequest(
      {
        id: `warm-up ${records}`,
        principal: ANONYMOUS,
        model: servable.model,
        version: { kind: 'version', version: servable.version },
        ...(signature !== undefined && { signature }),
        inputs,
        params: new Map(),
        deadlineAtMs: Infinity,
        priority: 'batch',
        retry: 'never',
      },
      version,
    );
    const { signatureName, rows } = prepared;
    const job = { id: 1, signature: signatureName, rows, inputs: prepared.inputs, params: new Map() };
    try {
      for (let i = 0; i < iterations; i++) await runAlone(session, job);
    } catch (error) {
      const { code, message, hint } = toSkyliftError(error);
      throw new SkyliftError(code, `${recorded.path}: record ${records}: ${message}`, { hint, cause: error });
    }
    records++;
  }
  return records;
}
