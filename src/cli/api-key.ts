/** The API key of this user, from the environment: arguments can be seen by everybody on the machine. */
import type { Environment } from './environment-flags.ts';

/** $SKYLIFT_API_KEY; undefined when it is absent or empty. Files of secrets often end with a line break. */
export function apiKeyIn(env: Environment): string | undefined {
  return env['SKYLIFT_API_KEY']?.trim() || undefined;
}
