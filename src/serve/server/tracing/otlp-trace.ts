/** Traces that are exported over OTLP/HTTP: ids, sampling and the exporter behind the port. */
import { randomBytes } from 'node:crypto';
import type { Trace } from '../../../core/trace.ts';
import { seededRng } from '../../../core/random.ts';
import { createSampler } from './sampler.ts';
import type { SamplerOptions } from './sampler.ts';
import { SpanExporter } from './span-exporter.ts';
import type { SpanExporterOptions } from './span-exporter.ts';
import { SpanIds } from './span-ids.ts';

export interface OtlpTraceOptions extends Omit<SpanExporterOptions, 'rng'>, SamplerOptions {}

/** A trace that has to be closed, so that the last spans arrive. */
export interface ExportedTrace extends Trace {
  close(): Promise<void>;
}

/** Throws SKY_CONFIG_INVALID for a ratio that is none. */
export function createOtlpTrace({ sampler, ratio, ...options }: OtlpTraceOptions): ExportedTrace {
  const isSampled = createSampler({ ...(sampler && { sampler }), ...(ratio !== undefined && { ratio }) });
  const ids = new SpanIds();
  const rng = seededRng(randomBytes(4).readUInt32LE());
  const exporter = new SpanExporter({ ...options, rng });
  return {
    context(parent) {
      const traceId = parent?.traceId ?? ids.traceId();
      const state = parent?.state ?? '';
      return { traceId, spanId: ids.spanId(), isSampled: isSampled(traceId, parent), state };
    },
    record: (spans) => exporter.add(spans),
    close: () => exporter.close(),
  };
}
