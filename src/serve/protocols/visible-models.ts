/** What lists of models show. */
import type { ModelStatus, Principal, Runtime } from '../runtime/requests.ts';

/** The models that there are for `principal`. */
export function visibleModels(runtime: Runtime, principal: Principal): readonly ModelStatus[] {
  return runtime.models().filter(({ name }) => principal.maySee(name));
}
