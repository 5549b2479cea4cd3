/** One job on a session outside of the scheduler, as a promise: for warm-up, before the session is offered to anybody. */
import { SkyliftError } from '../../../core/errors.ts';
import type { EngineJob, Session } from '../../../engines/port.ts';
import type { Tensor } from '../../../tensor/tensor.ts';

/** The outputs in the order of the signature. Rejects with the engine's error. */
export async function runAlone(session: Session, job: EngineJob): Promise<readonly Tensor[]> {
  return (await runTimed(session, job)).outputs;
}

/** As `runAlone`, with the microseconds in native code. */
export function runTimed(
  session: Session,
  job: EngineJob,
): Promise<{ outputs: readonly Tensor[]; ranUs: number }> {
  return new Promise((resolve, reject) => {
    let outcome: readonly Tensor[] | SkyliftError = [];
    session.dispatch([job], {
      part: () => {},
      done: (_, outputs) => (outcome = outputs),
      fail: (_, error) => (outcome = error),
      finished: (_, ranUs) =>
        outcome instanceof SkyliftError ? reject(outcome) : resolve({ outputs: outcome, ranUs }),
    });
  });
}
