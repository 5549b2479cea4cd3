/** Which models there are for a caller. */
import { SkyliftError } from '../../core/errors.ts';
import type { ModelStatus, Principal, Runtime } from '../runtime/requests.ts';

const SHOWN_CHARS = 256; // of a model's name; it goes back to that caller only

/** The models that there are for `principal`. */
export function visibleModels(
  runtime: Pick<Runtime, 'models'>,
  principal: Principal,
): readonly ModelStatus[] {
  return runtime.models().filter(({ name }) => principal.maySee(name));
}

/** SKY_PERMISSION_DENIED for a model that the caller has no key for, in the same words whether it exists or not. */
export function modelDenied(model: string): SkyliftError {
  const shown = JSON.stringify(model.slice(0, SHOWN_CHARS));
  return new SkyliftError(
    'SKY_PERMISSION_DENIED',
    `the API key of this request is not for the model ${shown}`,
  );
}

/** Throws SKY_PERMISSION_DENIED. For requests whose body names the model; paths are checked before the body is read. */
export function requireVisible(principal: Principal, model: string): void {
  if (!principal.maySee(model)) throw modelDenied(model);
}
