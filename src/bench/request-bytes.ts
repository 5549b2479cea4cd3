/** The bytes of one request, built once and sent again and again. */
import { SkyliftError } from '../core/errors.ts';
import type { LoadOptions } from './load-types.ts';

export interface RequestTarget {
  readonly host: string;
  readonly port: number;
  readonly bytes: Buffer;
}

/** Builds the request. Throws SKY_CONFIG_INVALID for a URL that is not http, or a header that would break the request. */
export function buildRequest({ url, body, headers = {}, ...options }: LoadOptions): RequestTarget {
  const { protocol, hostname, port, host, pathname, search } = parseUrl(url);
  if (protocol !== 'http:')
    throw new SkyliftError('SKY_CONFIG_INVALID', `cannot put load on ${url}: only http:// is supported`);
  const method = options.method ?? (body === undefined ? 'GET' : 'POST');
  const content = Buffer.from(body ?? '', options.bodyEncoding);
  const fields = Object.entries({
    host,
    ...(body !== undefined && {
      'content-type': 'application/json',
      'content-length': String(content.length),
    }),
    ...headers,
  });
  const head = [
    `${method} ${pathname}${search} HTTP/1.1`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ];
  const bad = head.find((line) => /[\r\n\0]/.test(line));
  if (bad !== undefined) throw new SkyliftError('SKY_CONFIG_INVALID', `line break in ${JSON.stringify(bad)}`);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 80 : Number(port),
    bytes: Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), content]),
  };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url) return url;
  throw new SkyliftError('SKY_CONFIG_INVALID', `${JSON.stringify(text)} is no URL`);
}
