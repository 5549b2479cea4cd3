/** Liveness and readiness, for Kubernetes and for the Open Inference Protocol. Answered by the event loop itself, never queued. */
import { JSON_TYPE } from '../protocols/http-call.ts';
import type { HttpCall, Route } from '../protocols/http-call.ts';

const RETRY_AFTER_SECONDS = '1';

export interface HealthState {
  /** Ready: every wanted model answers, and the server is not draining. `waitingFor` names what is missing. */
  isReady(): { readonly ready: boolean; readonly waitingFor: readonly string[] };
}

/** `/livez`, `/healthz`, `/readyz` and the names of the Open Inference Protocol v2. */
export function healthRoutes(state: HealthState): readonly Route[] {
  const live = (call: HttpCall): void => call.reply(200, JSON_TYPE, '{"live":true}');
  const ready = (call: HttpCall): void => replyReady(call, state);
  return [
    healthRoute('/healthz', 'Alive: the event loop turns.', live),
    healthRoute('/livez', 'Alive: the event loop turns.', live),
    healthRoute('/readyz', 'Ready: every wanted model answers, and the server is not draining.', ready),
    healthRoute('/v2/health/live', 'Alive, as the Open Inference Protocol asks.', live),
    healthRoute('/v2/health/ready', 'Ready, as the Open Inference Protocol asks.', ready),
  ];
}

/** The written protocol calls the member `live`, its readers look for `ready`. */
function replyReady(call: HttpCall, state: HealthState): void {
  const { ready, waitingFor } = state.isReady();
  if (ready) call.reply(200, JSON_TYPE, '{"live":true,"ready":true}');
  else
    call.reply(503, JSON_TYPE, JSON.stringify({ live: true, ready, waitingFor }), {
      'retry-after': RETRY_AFTER_SECONDS,
    });
}

function healthRoute(pattern: string, summary: string, handle: Route['handle']): Route {
  return {
    protocol: 'skylift',
    method: 'GET',
    pattern,
    match: new RegExp(`^${pattern}$`),
    permission: 'public',
    plane: 'health',
    maxBodyBytes: 0,
    summary,
    handle,
  };
}
