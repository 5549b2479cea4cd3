/** Whether a model answers requests now. */
import { isSkyliftError } from '../../core/errors.ts';
import type { Runtime } from '../runtime/requests.ts';
import type { ModelPath } from './model-path.ts';

/** False for a model that is known but does not answer. Throws SKY_MODEL_NOT_FOUND, SKY_REQUEST_INVALID for a label. */
export function isServed(runtime: Pick<Runtime, 'resolve'>, { model, version }: ModelPath): boolean {
  try {
    runtime.resolve(model, version);
    return true;
  } catch (error) {
    if (isSkyliftError(error) && error.code === 'SKY_UNAVAILABLE') return false;
    throw error;
  }
}
