/** The head of a request on node:http: which target and fields it has, and whether it may be taken at all. */
import type { IncomingMessage } from 'node:http';
import type { HeaderView } from '../../../protocols/http-call.ts';
import type { FoundProblem } from '../head-problem.ts';
import type { HeadProblem } from '../wire.ts';

type NodeHeaderFields = IncomingMessage['headers'];

/** Fields by lower-case name, as the wire port wants them. */
export class NodeHeaders implements HeaderView {
  readonly #fields: NodeHeaderFields;
  constructor(fields: NodeHeaderFields) {
    this.#fields = fields;
  }
  get(name: string): string | undefined {
    const value = this.#fields[name];
    if (typeof value === 'string') return value;
    return Array.isArray(value) ? value.join(', ') : undefined;
  }
}

/**
 * What llhttp lets pass, but RFC 9112 (section 3.2: one Host, section 6.1: unknown codings), RFC 9110 (section 10.1.1:
 * unknown expectations) or our limits do not.
 */
export function headProblem(request: IncomingMessage, maxHeaders: number): FoundProblem | undefined {
  const raw = request.rawHeaders; // name, value, name, value ...
  if (raw.length > maxHeaders * 2)
    return { problem: 'headers-too-large', detail: `more than ${maxHeaders} headers` };
  let hosts = 0;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  const wantedHosts = request.httpVersion === '1.0' ? Math.min(hosts, 1) : 1;
  if (hosts !== wantedHosts) return { problem: 'malformed', detail: `${hosts} Host headers` };
  const coding = request.headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return { problem: 'unknown-transfer-coding', detail: 'only chunked is understood' };
  const expectation = request.headers.expect;
  if (expectation !== undefined && expectation.toLowerCase() !== '100-continue')
    return { problem: 'unknown-expectation', detail: 'only 100-continue is understood' };
  return undefined;
}

/** Sorts the error codes of node's parser. */
export function problemOf(code: string): HeadProblem {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return 'timeout';
  return code === 'HPE_HEADER_OVERFLOW' ? 'headers-too-large' : 'malformed';
}

/** Length of the body: 0 when there is none, undefined when it is chunked. */
export function announcedBytes(fields: NodeHeaderFields): number | undefined {
  const length = fields['content-length'];
  if (length !== undefined) return Number(length);
  return fields['transfer-encoding'] === undefined ? 0 : undefined;
}
