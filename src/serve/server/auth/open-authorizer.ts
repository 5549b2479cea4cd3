/** Who may do what on a server without keys: everybody everything, but administration takes a caller of this machine. */
import { ANONYMOUS } from '../../runtime/requests.ts';
import { httpFailure } from '../error-reply.ts';
import type { HttpFailure } from '../error-reply.ts';
import type { Authorize } from '../request-pipeline.ts';

export interface OpenAuthorizerOptions {
  /** Callers of other machines do not reach the server, or whoever started it allows the others, too. */
  readonly isAdminOpen: boolean;
}

const CLOSED: HttpFailure = httpFailure(
  403,
  'SKY_PERMISSION_DENIED',
  'models are not loaded and unloaded for callers of other machines',
  {
    hint: 'Ask for keys with --auth-keys=FILE, listen on 127.0.0.1 only, or allow it with --allow_remote_admin.',
  },
);
/** A page in a browser on this machine is a caller of this machine, too, whoever wrote it. */
const FROM_A_PAGE: HttpFailure = httpFailure(
  403,
  'SKY_PERMISSION_DENIED',
  'models are not loaded and unloaded for pages in a browser',
  { hint: 'Ask for keys with --auth-keys=FILE.' },
);

export function createOpenAuthorizer({ isAdminOpen }: OpenAuthorizerOptions): Authorize {
  return (call, route) => {
    if (route?.permission !== 'admin') return ANONYMOUS;
    if (!isAdminOpen && !call.isLocal) return CLOSED;
    return call.headers.get('origin') === undefined ? ANONYMOUS : FROM_A_PAGE;
  };
}
