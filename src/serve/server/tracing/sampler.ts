/** Which traces are recorded: OpenTelemetry's samplers by their names in `OTEL_TRACES_SAMPLER`. */
import { SkyliftError } from '../../../core/errors.ts';
import type { SpanContext } from '../../../core/trace.ts';

export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

export interface SamplerOptions {
  /** @default parentbased_always_on */
  readonly sampler?: SamplerName;
  /** Of the samplers with a ratio, 0 to 1. @default 1 */
  readonly ratio?: number;
}

export type Sampler = (traceId: string, parent: SpanContext | undefined) => boolean;

/** The last 56 bits of a trace id are random (W3C Trace Context level 2). */
const RANDOM_FROM = 18;
const RANDOM_RANGE = 2 ** 56;

/** Throws SKY_CONFIG_INVALID for a ratio that is none. */
export function createSampler({ sampler = 'parentbased_always_on', ratio = 1 }: SamplerOptions): Sampler {
  if (!(ratio >= 0 && ratio <= 1))
    throw new SkyliftError('SKY_CONFIG_INVALID', `the ratio of traces is ${ratio}, not 0 to 1`, {
      hint: 'Give a part: 0.01 records one trace of a hundred.',
    });
  const isParentBased = sampler.startsWith('parentbased_');
  const share = sampler.endsWith('always_on') ? 1 : sampler.endsWith('always_off') ? 0 : ratio;
  return (traceId, parent) => (isParentBased && parent ? parent.isSampled : isWithin(traceId, share));
}

/** The same for all who see the trace: the highest values are taken, as other implementations do. */
function isWithin(traceId: string, share: number): boolean {
  return Number.parseInt(traceId.slice(RANDOM_FROM), 16) >= (1 - share) * RANDOM_RANGE;
}
