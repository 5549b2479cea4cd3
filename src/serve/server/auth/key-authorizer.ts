/** The one place where a request with API keys is let in or refused, before its body is read. */
import type { Clock } from '../../../core/clock.ts';
import type { Metrics } from '../../../core/metrics.ts';
import type { HttpCall, Route } from '../../protocols/http-call.ts';
import { modelDenied } from '../../protocols/visible-models.ts';
import type { Principal } from '../../runtime/requests.ts';
import { httpFailure } from '../error-reply.ts';
import type { HttpFailure } from '../error-reply.ts';
import type { Authorize } from '../request-pipeline.ts';
import { credentialIn } from './credential.ts';
import type { BadKey, KeyHolder, KeyRing } from './key-ring.ts';

/** Reasons of a refusal, as the metric names them. */
const DENIALS = [
  'no-key',
  'ambiguous',
  'malformed',
  'checksum',
  'unknown-key',
  'wrong-secret',
  'expired',
  'not-yet-valid',
  'permission',
  'model',
] as const satisfies readonly (BadKey | 'no-key' | 'ambiguous' | 'permission' | 'model')[];
type Denial = (typeof DENIALS)[number];

const CHALLENGE = { 'www-authenticate': 'Bearer' };

/** Asks a public route, where keys are asked for elsewhere: there are no models for it. */
const STRANGER: Principal = { id: 'anonymous', maySee: () => false, seesAll: false };

const NO_KEY: HttpFailure = unauthenticated('this server wants an API key and the request has none');
/** One text for every wrong key: nobody learns whether it was once right, or is in part. */
const BAD_KEY: HttpFailure = unauthenticated('the API key of this request is not accepted');

export interface KeyAuthorizerOptions {
  /** The keys in force at the moment. */
  readonly keys: () => KeyRing;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** Lets a request in with the principal of its key, or words the refusal. Public routes are open to all. */
export function createKeyAuthorizer({ keys, clock, metrics }: KeyAuthorizerOptions): Authorize {
  const counters = denialCounters(metrics);
  const denied = (reason: Denial, failure: HttpFailure): HttpFailure => {
    counters[reason].add(1);
    return failure;
  };
  return (call, route) => {
    if (route?.permission === 'public') return STRANGER;
    const credential = credentialIn(call.headers);
    if (credential === undefined) return denied('no-key', NO_KEY);
    if (credential === 'ambiguous') return denied('ambiguous', BAD_KEY);
    const holder = keys().verify(credential.key, clock.wallMs());
    if (typeof holder === 'string') return denied(holder, BAD_KEY);
    call.note('key', holder.principal.id);
    if (route === undefined) return holder.principal; // 404 and 405 are for those who have a key
    const reason = whyNot(holder, route, call);
    return reason === undefined ? holder.principal : denied(reason, forbidden(reason, route, call));
  };
}

function whyNot(
  { principal, permissions }: KeyHolder,
  route: Route,
  call: HttpCall,
): 'permission' | 'model' | undefined {
  if (!permissions.has(route.permission)) return 'permission';
  return namesModel(route) && !principal.maySee(modelOf(call)) ? 'model' : undefined;
}

function namesModel({ pattern }: Route): boolean {
  return pattern.includes('{model}');
}

/** Empty when the path cannot be decoded: only a key for all models hears so. */
function modelOf({ params }: HttpCall): string {
  return params['name'] ?? '';
}

function forbidden(reason: 'permission' | 'model', route: Route, call: HttpCall): HttpFailure {
  if (reason === 'permission')
    return httpFailure(
      403,
      'SKY_PERMISSION_DENIED',
      `the API key of this request does not have the permission "${route.permission}"`,
    );
  const error = modelDenied(modelOf(call));
  return { status: error.status, error };
}

function unauthenticated(message: string): HttpFailure {
  return { ...httpFailure(401, 'SKY_UNAUTHENTICATED', message), headers: CHALLENGE };
}

function denialCounters(metrics: Metrics): Readonly<Record<Denial, { add(value: number): void }>> {
  const spec = {
    name: 'skylift_auth_denied_total',
    help: 'Requests refused for want of a right API key, by reason.',
    labels: ['reason'],
  };
  const counters = DENIALS.map((reason) => [reason, metrics.counter(spec, { reason })]);
  return Object.fromEntries(counters) as Record<Denial, { add(value: number): void }>; // one per member of DENIALS
}
