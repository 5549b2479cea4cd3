/** What the HTTP fuzzer feeds to the readers: one to four requests behind each other, most of them a little wrong. */
import type { Rng } from '../src/core/random.ts';
import { pick } from './support/pick.ts';

type Choices = readonly [string, ...string[]];

const METHODS: Choices = ['GET', 'POST', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'QUERY', 'PROPFIND'];
const TARGETS: Choices = [
  '/',
  '/v1/models/m:predict',
  '/a?b=c',
  '/%2e%2e/',
  'http://h/a',
  'http://h?q',
  '/a#b',
];
const ODD_METHODS: Choices = ['get', 'CONNECT', 'PRI', 'G\tET', '', 'SOURCE', 'M-SEARCH', 'GETT', '\r\nGET'];
const ODD_TARGETS: Choices = [
  '*',
  'a',
  '//x',
  'http:///',
  'ftp://h/',
  'h:80',
  '/ü',
  '/a b',
  '',
  'https://[::1]/',
];
const ODD_VERSIONS: Choices = [
  'HTTP/1.0',
  'HTTP/2.0',
  'HTTP/1.2',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/11',
  'RTSP/1.0',
];
const ODD_LINE_ENDS: Choices = ['\n', '\r', '\r\r\n', '\n\r', ' \r\n', '\t\r\n', '\0\r\n', ''];

const FIELDS: Choices = [
  'accept: */*',
  'content-type: application/json',
  'Content-Type:text/plain',
  'x-empty:',
  'x-tab:\ta\tb\t',
  'x-latin1: \xe9\xff',
  'set-cookie: a',
  'connection: keep-alive',
  'user-agent: a',
  'traceparent: 00-1-2-01',
];
const ODD_FIELDS: Choices = [
  'connection: close',
  'connection: Close, x',
  'connection: x,keep-alive',
  'connection: keep-alive, close',
  'connection: closed',
  'host: second',
  'x-space : a',
  ' folded',
  '\tfolded: a',
  'no colon',
  ': no name',
  'x\x80: a',
  'x: a\x00b',
  'x: a\x7fb',
  'x: a\rb',
  'x: a\nb: c',
  'x: \x0b',
  'expect: 100-continue',
  'Expect: 100-Continue',
  'expect: 200-ok',
  'content-length: 3',
  'Content-Length: 0',
  'content-length: +3',
  'content-length: -1',
  'content-length: 3, 3',
  'content-length: 0x3',
  'content-length: 03',
  'content-length: 3 ',
  'content-length:',
  'content-length: 99999999999999999999',
  'content_length: 3',
  'content-length : 3',
  'content-length\t: 3',
  'transfer-encoding: chunked',
  'Transfer-Encoding: Chunked',
  'transfer-encoding: identity',
  'transfer-encoding: gzip, chunked',
  'transfer-encoding: chunked, gzip',
  'transfer-encoding: chunked, chunked',
  'transfer-encoding: xchunked',
  'transfer-encoding:\tchunked\t',
  'transfer-encoding:\x0bchunked',
  'transfer-encoding : chunked',
  'transfer-encoding:',
  'transfer-encoding: "chunked"',
];
const ODD_SIZES: Choices = [
  '0x3',
  ' 3',
  '3 ',
  '+3',
  '-1',
  '',
  'g',
  '00000003',
  '000000000000000003',
  'ffffffff',
  'fffffffffffffffff',
  '3;a',
  '3;a=b',
  '3;a="b\\"c"',
  '3;a="b',
  '3;',
  '3 ;a',
  '3;a=b;c',
  '3; a=b',
  '3;a\n=b',
  '3\x00',
];
const TRAILERS: Choices = [
  'x: a',
  'x:',
  'content-length: 3',
  'transfer-encoding: chunked',
  'host: t',
  'x',
  'x : a',
  ' x: a',
  'x: a\x00',
];
/** Bytes that mean something in a request. */
const DAMAGE: Choices = [
  '\r',
  '\n',
  '\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '=',
  '"',
  '0',
  '3',
  'f',
  'A',
  '\x7f',
  '\x80',
  '\xff',
  '/',
  '\r\n\r\n',
];

export interface RandomStream {
  readonly bytes: Buffer;
  /** How many requests must be read from it; undefined: something may be wrong. */
  readonly intactRequests: number | undefined;
}

export function randomStream(rng: Rng): RandomStream {
  const oddity = rng.u32() % 4; // 0: nothing is odd
  const requests = Array.from({ length: 1 + (rng.u32() % 4) }, () => randomRequest(oddity, rng));
  let text = requests.join('');
  if (oddity > 1) for (let edits = rng.u32() % 3; edits > 0; edits--) text = damaged(text, rng);
  return {
    bytes: Buffer.from(text, 'latin1'),
    intactRequests: oddity === 0 ? requests.length : undefined,
  };
}

/** The same bytes in pieces. */
export function cutAtRandom(stream: Buffer, rng: Rng): readonly Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < stream.length;) {
    const end = at + 1 + (rng.u32() % stream.length);
    pieces.push(stream.subarray(at, end));
    at = end;
  }
  return pieces;
}

/** @param oddity how often something is not as it should be; 0: never */
function randomRequest(oddity: number, rng: Rng): string {
  const odd = (usual: Choices, unusual: Choices): string => pick(isOdd(oddity, rng) ? unusual : usual, rng);
  const method = odd(METHODS, ODD_METHODS);
  const lines = [`${method} ${odd(TARGETS, ODD_TARGETS)} ${odd(['HTTP/1.1'], ODD_VERSIONS)}`];
  if (!isOdd(oddity, rng)) lines.push('host: a');
  for (let count = rng.u32() % 4; count > 0; count--) lines.push(odd(FIELDS, ODD_FIELDS));
  const [framing, body] = randomBody(oddity, rng);
  if (framing !== '') lines.splice(1 + (rng.u32() % lines.length), 0, framing);
  return `${lines.map((line) => `${line}${odd(['\r\n'], ODD_LINE_ENDS)}`).join('')}\r\n${body}`;
}

function randomBody(oddity: number, rng: Rng): readonly [framing: string, body: string] {
  switch (rng.u32() % 3) {
    case 0:
      return ['', ''];
    case 1: {
      const body = randomText(rng.u32() % 16 === 0 ? 5000 : 20, rng);
      return [`content-length: ${isOdd(oddity, rng) ? rng.u32() % 30 : body.length}`, body];
    }
    default:
      return ['transfer-encoding: chunked', randomChunks(oddity, rng)];
  }
}

function randomChunks(oddity: number, rng: Rng): string {
  let text = '';
  for (let count = rng.u32() % 4; count > 0; count--) {
    const data = randomText(20, rng) || 'x';
    const size = isOdd(oddity, rng) ? pick(ODD_SIZES, rng) : data.length.toString(16);
    text += `${size}\r\n${data}${isOdd(oddity, rng) ? pick(ODD_LINE_ENDS, rng) : '\r\n'}`;
  }
  const trailer = isOdd(oddity, rng) ? `${pick(TRAILERS, rng)}\r\n` : '';
  return `${text}0\r\n${trailer}\r\n`;
}

function randomText(maxLength: number, rng: Rng): string {
  const unit = pick(['x', 'GET / HTTP/1.1\r\n\r\n', '0\r\n\r\n', '\0\xff'], rng);
  const length = rng.u32() % (maxLength + 1);
  return unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
}

function damaged(text: string, rng: Rng): string {
  const at = rng.u32() % (text.length + 1);
  return (
    text.slice(0, at) + (rng.u32() % 4 === 0 ? '' : pick(DAMAGE, rng)) + text.slice(at + (rng.u32() % 3))
  );
}

function isOdd(oddity: number, rng: Rng): boolean {
  return oddity > 0 && rng.u32() % 16 < oddity;
}
