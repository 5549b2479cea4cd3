/** What both back-ends say about the head of a request. */
import type { HeadProblem } from './wire.ts';

/** A refusal with the parser's reason, free of values of the request. */
export interface FoundProblem {
  readonly problem: HeadProblem;
  readonly detail: string;
}

/** `http://host/path` -> `/path` (absolute-form, RFC 9112 section 3.2.2); everything else stays as it is. */
export function originForm(target: string): string {
  if (target.charCodeAt(0) === 0x2f) return target;
  const match = /^https?:\/\/[^/?]*(.*)$/i.exec(target);
  if (match === null) return target;
  const rest = match[1] ?? '';
  return rest.startsWith('/') ? rest : `/${rest}`;
}
