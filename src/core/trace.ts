/** The trace port: where a request stands in a distributed trace, and what is told of it once it is over. */

/** A place in a trace, as in W3C Trace Context. */
export interface SpanContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  readonly isSampled: boolean;
  /** The `tracestate` of the caller; '' without one. */
  readonly state: string;
}

export type SpanAttributes = Readonly<Record<string, string | number>>;

/** A piece of work that is over. Attributes never hold values of requests. */
export interface FinishedSpan {
  readonly context: SpanContext;
  /** Of the span above; undefined where the trace began here. */
  readonly parentId: string | undefined;
  readonly name: string;
  readonly kind: 'server' | 'internal';
  /** Milliseconds since the epoch, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  readonly isError: boolean;
}

export interface Trace {
  /** A new place below `parent`, or one that begins a trace. */
  context(parent: SpanContext | undefined): SpanContext;
  /** Takes spans that are sampled. Never throws and never waits. */
  record(spans: readonly FinishedSpan[]): void;
}
