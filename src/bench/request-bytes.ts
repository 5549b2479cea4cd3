/** The bytes of one request, built once and sent again and again. */
import { SkyliftError } from '../core/errors.ts';
import type { LoadOptions } from './load-types.ts';

export interface RequestTarget {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly ca: string | undefined;
  readonly bytes: Buffer;
}

/** Builds the request. Throws SKY_CONFIG_INVALID for a URL that is not http(s), or a header that would break the request. */
export function buildRequest({ url, body, headers = {}, ...options }: LoadOptions): RequestTarget {
  const { protocol, hostname, port, host, pathname, search } = parseUrl(url);
  const isTls = protocol === 'https:';
  if (!isTls && protocol !== 'http:')
    throw new SkyliftError(
      'SKY_CONFIG_INVALID',
      `cannot put load on ${url}: it is no http:// or https:// URL`,
    );
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
    port: port === '' ? (isTls ? 443 : 80) : Number(port),
    isTls,
    ca: options.ca,
    bytes: Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), content]),
  };
}

function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url) return url;
  throw new SkyliftError('SKY_CONFIG_INVALID', `${JSON.stringify(text)} is no URL`);
}
