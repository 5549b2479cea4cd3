/** Reads `traceparent` and `tracestate` strictly (W3C Trace Context): what is not exactly right counts as absent. */
import type { SpanContext } from '../../../core/trace.ts';
import type { HeaderView } from '../../protocols/http-call.ts';

const FIRST_VERSION = '00';
const FORBIDDEN_VERSION = 'ff';
const PARENT_CHARS = 55; // of version 00; later ones may go on behind a dash
const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;
const ALL_ZERO = /^0+$/;
const SAMPLED_FLAG = 1;

const MAX_STATE_CHARS = 512;
const MAX_STATE_MEMBERS = 32;
/** One vendor's entry: `key=value` or `tenant@system=value`. */
const MEMBER =
  /^(?:[a-z0-9][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/** The caller's place in its trace; undefined without a well-formed `traceparent`. */
export function callerContext(headers: HeaderView): SpanContext | undefined {
  const parent = headers.get('traceparent');
  if (parent === undefined) return undefined;
  const [, version, traceId = '', spanId = '', flags = ''] = PARENT.exec(parent) ?? [];
  if (version === undefined || version === FORBIDDEN_VERSION) return undefined;
  if (version === FIRST_VERSION && parent.length !== PARENT_CHARS) return undefined;
  if (ALL_ZERO.test(traceId) || ALL_ZERO.test(spanId)) return undefined;
  const isSampled = (Number.parseInt(flags, 16) & SAMPLED_FLAG) === SAMPLED_FLAG;
  return { traceId, spanId, isSampled, state: wellFormedState(headers.get('tracestate')) };
}

/** The list as it came, or '' when a member breaks the rules: a part of it could be taken for the whole. */
function wellFormedState(state = ''): string {
  if (state === '' || state.length > MAX_STATE_CHARS) return '';
  const members = state
    .split(',')
    .map((member) => member.replaceAll(/^[ \t]+|[ \t]+$/g, ''))
    .filter((member) => member !== '');
  const keys = new Set(members.map((member) => member.slice(0, member.indexOf('='))));
  const isRight = members.length <= MAX_STATE_MEMBERS && keys.size === members.length;
  return isRight && members.every((member) => MEMBER.test(member)) ? state : '';
}
