/** Spans as OTLP/JSON (opentelemetry-proto, ExportTraceServiceRequest): ids in hexadecimal, times as decimal text of nanoseconds. */
import type { FinishedSpan, SpanAttributes } from '../../../core/trace.ts';

const SPAN_KIND = { internal: 1, server: 2 } as const;
const STATUS_ERROR = 2;
const SAMPLED_FLAG = 1;
const NS_PER_MS = 1e6;

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue: string } | { readonly intValue: string };
}

/** What is the same in every request of an exporter. */
export interface OtlpSource {
  readonly resource: SpanAttributes;
  readonly scope: { readonly name: string; readonly version: string };
}

/** The body of one export. */
export function encodeSpans({ resource, scope }: OtlpSource, spans: readonly FinishedSpan[]): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: { attributes: keyValues(resource) },
        scopeSpans: [{ scope, spans: spans.map(encodeSpan) }],
      },
    ],
  });
}

function encodeSpan({ context, parentId, name, kind, attributes, ...span }: FinishedSpan): object {
  return {
    traceId: context.traceId,
    spanId: context.spanId,
    ...(context.state !== '' && { traceState: context.state }),
    ...(parentId !== undefined && { parentSpanId: parentId }),
    flags: SAMPLED_FLAG,
    name,
    kind: SPAN_KIND[kind],
    startTimeUnixNano: unixNano(span.startMs),
    endTimeUnixNano: unixNano(span.endMs),
    attributes: keyValues(attributes),
    status: span.isError ? { code: STATUS_ERROR } : {},
  };
}

function keyValues(attributes: SpanAttributes): KeyValue[] {
  return Object.entries(attributes).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { stringValue: value } : { intValue: String(value) },
  }));
}

/** Nanoseconds since the epoch need more digits than a number has. */
function unixNano(ms: number): string {
  const whole = Math.floor(ms);
  const rest = Math.min(NS_PER_MS - 1, Math.round((ms - whole) * NS_PER_MS));
  return `${whole}${String(rest).padStart(6, '0')}`;
}
