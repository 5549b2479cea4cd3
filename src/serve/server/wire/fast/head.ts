/**
 * The head of a request, read strictly (RFC 9112): what two readers could understand in two ways is refused. Bytes are
 * checked by the reader before; here a head is text of whole lines.
 */
import { METHODS } from 'node:http';
import { originForm } from '../head-problem.ts';
import type { FoundProblem } from '../head-problem.ts';

export interface RequestHead {
  readonly method: string;
  /** Raw path, undecoded, without the query. */
  readonly path: string;
  readonly query: string;
  readonly headers: ReadonlyMap<string, string>;
  /** 0: there is no body; undefined: chunked. */
  readonly bodyBytes: number | undefined;
  /** Another request may follow on the connection. */
  readonly isKeptAlive: boolean;
  readonly isWaitingForContinue: boolean;
}

type Fields = ReadonlyMap<string, string>;

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS.filter((method) => method !== 'CONNECT'));
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([!-~]+) HTTP\/1\.([01])$/;
/** RFC 3986 section 3.2, without the characters that no authority may have. */
const ABSOLUTE_FORM = /^https?:\/\/[\w\-.~!$&'()*+,;=:@%[\]]+(?:[/?]|$)/i;
const FIELD_NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const LENGTH = /^[0-9]{1,15}$/; // below 2^53

/** Readers differ on tabs around their values, although they are allowed. */
const FRAMING_FIELDS: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding']);
/** Fields that stand once (RFC 9110): of several the first counts, as on node:http. */
const SINGLE_FIELDS: ReadonlySet<string> = new Set(
  (
    'age authorization content-type etag expires from host if-modified-since if-unmodified-since last-modified ' +
    'location max-forwards proxy-authorization referer retry-after server user-agent'
  ).split(' '),
);

/** Reads a head. @param text latin1, without the empty line at its end and without control characters other than HTAB and CRLF */
export function parseHead(text: string, maxHeaders: number): RequestHead | FoundProblem {
  const [requestLine = '', ...lines] = text.split('\r\n');
  const request = readRequestLine(requestLine);
  if ('problem' in request) return request;
  if (lines.length > maxHeaders)
    return { problem: 'headers-too-large', detail: `more than ${maxHeaders} headers` };
  const fields = readFields(lines);
  if ('problem' in fields) return fields;
  const framing = readFraming(fields, request.isHttp10);
  if ('problem' in framing) return framing;
  const problem = hostProblem(lines, request.isHttp10) ?? expectationProblem(fields);
  if (problem !== undefined) return problem;
  const { method, target, isHttp10 } = request;
  const queryAt = target.indexOf('?');
  return {
    method,
    path: queryAt < 0 ? target : target.slice(0, queryAt),
    query: queryAt < 0 ? '' : target.slice(queryAt + 1),
    headers: fields,
    bodyBytes: framing.bodyBytes,
    isKeptAlive: isKeptAlive(fields, isHttp10),
    isWaitingForContinue: fields.has('expect') && framing.bodyBytes !== 0 && !isHttp10,
  };
}

interface RequestLine {
  readonly method: string;
  /** In origin form, or `*`. */
  readonly target: string;
  readonly isHttp10: boolean;
}

function readRequestLine(line: string): RequestLine | FoundProblem {
  const [, method = '', rawTarget = '', minorVersion = ''] = REQUEST_LINE.exec(line) ?? [];
  if (!KNOWN_METHODS.has(method)) return malformed('the request line is not METHOD TARGET HTTP/1.1');
  const isServerWide = rawTarget === '*' && method === 'OPTIONS';
  if (!rawTarget.startsWith('/') && !ABSOLUTE_FORM.test(rawTarget) && !isServerWide)
    return malformed('the target is no path');
  const target = originForm(rawTarget);
  return { method, target, isHttp10: minorVersion === '0' };
}

function hostProblem(lines: readonly string[], isHttp10: boolean): FoundProblem | undefined {
  const hosts = lines.filter((line) => /^host:/i.test(line)).length;
  const isRight = hosts === 1 || (hosts === 0 && isHttp10);
  return isRight ? undefined : malformed(`${hosts} Host headers`);
}

function expectationProblem(fields: Fields): FoundProblem | undefined {
  const expectation = fields.get('expect')?.toLowerCase();
  if (expectation === undefined || expectation === '100-continue') return undefined;
  return { problem: 'unknown-expectation', detail: 'only 100-continue is understood' };
}

function malformed(detail: string): FoundProblem {
  return { problem: 'malformed', detail };
}

/** Also used for trailers, whose values nobody wants. */
export function readFields(lines: readonly string[]): Fields | FoundProblem {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colonAt = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colonAt)).toLowerCase();
    if (!FIELD_NAME.test(name)) return malformed('a header line is not NAME: VALUE');
    if (FRAMING_FIELDS.has(name) && line.includes('\t')) return malformed(`a tab in ${name}`);
    const known = fields.get(name);
    if (known === undefined) fields.set(name, trimmed(line, colonAt + 1));
    else if (name === 'content-length') return malformed('more than one content-length');
    else if (!SINGLE_FIELDS.has(name)) fields.set(name, `${known}, ${trimmed(line, colonAt + 1)}`);
  }
  return fields;
}

/** Without the optional whitespace around a value, which is SP and HTAB only. */
function trimmed(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isBlank(line.charCodeAt(start))) start++;
  while (end > start && isBlank(line.charCodeAt(end - 1))) end--;
  return line.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function readFraming(fields: Fields, isHttp10: boolean): { bodyBytes: number | undefined } | FoundProblem {
  const length = fields.get('content-length');
  const coding = fields.get('transfer-encoding');
  if (coding === undefined) {
    if (length === undefined) return { bodyBytes: 0 };
    if (!LENGTH.test(length)) return malformed('content-length is no decimal number of bytes');
    return { bodyBytes: Number(length) };
  }
  if (length !== undefined) return malformed('content-length with transfer-encoding');
  if (isHttp10) return malformed('transfer-encoding in HTTP/1.0');
  if (coding.toLowerCase() !== 'chunked')
    return { problem: 'unknown-transfer-coding', detail: 'only chunked is understood' };
  return { bodyBytes: undefined };
}

function isKeptAlive(fields: Fields, isHttp10: boolean): boolean {
  const options =
    fields
      .get('connection')
      ?.toLowerCase()
      .split(/[ \t]*,[ \t]*/) ?? [];
  return isHttp10 ? options.includes('keep-alive') : !options.includes('close');
}
