/** The parameters of a request that mean something to this server; all others are the model's affair and are left alone. */
import { SkyliftError } from '../../../core/errors.ts';
import type { RunRequest } from '../../runtime/requests.ts';
import { countParameter } from './request-json.ts';
import type { Parameters } from './request-json.ts';

export interface RequestOptions {
  /** undefined: the server's own. */
  readonly timeoutMs: number | undefined;
  readonly priority: RunRequest['priority'];
}

export const DEFAULT_OPTIONS: RequestOptions = { timeoutMs: undefined, priority: 'interactive' };

/** Throws SKY_REQUEST_INVALID, SKY_NOT_SUPPORTED_YET for a sequence, which must not be served as single requests. */
export function readOptions(parameters: Parameters): RequestOptions {
  if (parameters.size === 0) return DEFAULT_OPTIONS;
  const sequence = parameters.get('sequence_id') ?? 0;
  if (sequence !== 0 && sequence !== '')
    throw new SkyliftError(
      'SKY_NOT_SUPPORTED_YET',
      'sequences of requests (sequence_id) are not supported: leave it out and send the whole state as inputs',
    );
  const timeoutUs = countParameter(parameters, 'timeout') ?? 0;
  const priority = countParameter(parameters, 'priority') ?? 0; // 0 is the default, 1 the highest
  return {
    timeoutMs: timeoutUs > 0 ? timeoutUs / 1000 : undefined,
    priority: priority > 1 ? 'batch' : 'interactive',
  };
}
