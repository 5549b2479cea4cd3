/** One POST to an OTLP/HTTP collector: what became of it, never an exception. */
import { request as requestHttp } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';

/** `later`: another try may succeed; `partly`: the collector left some spans out. */
export type PostOutcome =
  | { readonly kind: 'taken' }
  | { readonly kind: 'partly'; readonly rejected: number }
  | { readonly kind: 'later'; readonly reason: string; readonly retryAfterMs: number | undefined }
  | { readonly kind: 'refused'; readonly reason: string };

export interface Collector {
  /** Of traces, whole: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Answers of collectors are short. */
const MAX_REPLY_BYTES = 64 * 1024;
/** As OTLP/HTTP has it. */
const RETRYABLE: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const MS_PER_SECOND = 1000;

/** Sends `body`. A fired `signal` is an outcome, too. */
export function postSpans(
  { url, headers }: Collector,
  body: string,
  signal: AbortSignal,
): Promise<PostOutcome> {
  return new Promise((resolve) => {
    const lost = (error: NodeJS.ErrnoException): void =>
      resolve({ kind: 'later', reason: error.code ?? error.name, retryAfterMs: undefined });
    const send = url.startsWith('https:') ? requestHttps : requestHttp;
    const request = send(url, {
      method: 'POST',
      signal,
      headers: {
        ...headers,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
    });
    request.on('error', lost);
    request.on('response', (reply) => void outcomeOf(reply).then(resolve, lost));
    request.end(body);
  });
}

async function outcomeOf(reply: IncomingMessage): Promise<PostOutcome> {
  const status = reply.statusCode ?? 0;
  const text = await readText(reply);
  if (status >= 200 && status < 300) {
    const rejected = rejectedIn(text);
    return rejected === 0 ? { kind: 'taken' } : { kind: 'partly', rejected };
  }
  const reason = `HTTP ${status}`;
  if (!RETRYABLE.has(status)) return { kind: 'refused', reason };
  return {
    kind: 'later',
    reason,
    retryAfterMs: retryAfterMs(reply.headers['retry-after'], Date.parse(reply.headers.date ?? '')),
  };
}

/** Cut off where it is too long. */
async function readText(reply: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of reply as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_REPLY_BYTES) break;
  }
  return Buffer.concat(chunks).toString();
}

/** `{"partialSuccess": {"rejectedSpans": "3"}}`; anything else rejects nothing. */
function rejectedIn(text: string): number {
  try {
    const reply = JSON.parse(text) as { partialSuccess?: { rejectedSpans?: string | number } } | null;
    const rejected = Number(reply?.partialSuccess?.rejectedSpans ?? 0);
    return Number.isSafeInteger(rejected) && rejected > 0 ? rejected : 0;
  } catch {
    return 0;
  }
}

/** Seconds, or a date, which is compared with the collector's own clock. */
function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * MS_PER_SECOND;
  const delayMs = Date.parse(value) - nowMs;
  return Number.isFinite(delayMs) ? Math.max(0, delayMs) : undefined;
}
