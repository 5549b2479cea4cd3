/** Reads a reply of the server: JSON with TensorFlow Serving's NaN and Infinity, or the message of an error. */
import { SkyliftError } from '../core/errors.ts';
import { JsonReader } from '../tensor/json/reader.ts';

/** Deeper than any tensor with its envelope. */
const MAX_DEPTH = 64;
const MAX_EXCERPT_CHARS = 500;

/** The document of a 2xx reply. Throws SKY_REMOTE with the server's own words for any other, and for what is no JSON. */
export function parseReply(url: string, status: number, body: Uint8Array): unknown {
  const isGood = status >= 200 && status < 300;
  const document = parseJson(body);
  if (isGood && document.kind === 'json') return document.value;
  const message = document.kind === 'json' ? errorIn(document.value) : undefined;
  const words = message ?? (excerptOf(body) || 'no explanation');
  throw new SkyliftError(
    'SKY_REMOTE',
    isGood ? `${url} answered with no JSON: ${words}` : `HTTP ${status} from ${url}: ${words}`,
    {
      details: { status, said: words },
      hint: HINTS[status] ?? 'Compare the request with the signature: GET /v1/models/NAME/metadata.',
    },
  );
}

const HINTS: Readonly<Record<number, string>> = {
  401: 'Give the key that you got for this server: SKYLIFT_API_KEY=KEY, or apiKey in a program.',
  403: 'Ask whoever runs the server for a key that allows this.',
  404: 'Check model name, version and path; the server prints its URLs at start.',
  429: 'Retry later; add engines or replicas if it stays.',
  503: 'Retry later: the model is loading or the server is shutting down.',
  504: 'Allow more time, or send less at once.',
};

/** Native parsing first; the own reader knows the tokens that JSON has not. */
function parseJson(body: Uint8Array): { kind: 'json'; value: unknown } | { kind: 'text' } {
  try {
    return {
      kind: 'json',
      value: JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()),
    };
  } catch {
    return parseExtendedJson(body);
  }
}

function parseExtendedJson(body: Uint8Array): { kind: 'json'; value: unknown } | { kind: 'text' } {
  try {
    const reader = new JsonReader(body, { maxDepth: MAX_DEPTH });
    const value = reader.readValue();
    return { kind: 'json', value };
  } catch {
    return { kind: 'text' };
  }
}

function errorIn(document: unknown): string | undefined {
  const error =
    typeof document === 'object' && document !== null && 'error' in document ? document.error : undefined;
  return typeof error === 'string' ? error : undefined;
}

function excerptOf(body: Uint8Array): string {
  const text = Buffer.from(
    body.buffer,
    body.byteOffset,
    Math.min(body.byteLength, MAX_EXCERPT_CHARS),
  ).toString();
  return text.replaceAll(/\p{Cc}+/gu, ' ').trim();
}
