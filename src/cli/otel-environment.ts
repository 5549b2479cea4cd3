/** OpenTelemetry's own environment variables: where traces go and which of them. */
import { SkyliftError } from '../core/errors.ts';
import type { TracingOptions } from '../index.ts';
import type { Environment } from './environment-flags.ts';

const TRACES_PATH = '/v1/traces';
const SAMPLERS: readonly NonNullable<TracingOptions['sampler']>[] = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
];

/**
 * What the flag `--otlp-endpoint` and the variables ask for; undefined when no collector is named or they switch tracing off. The
 * flag wins. Throws SKY_CONFIG_INVALID; values of headers are never shown.
 */
export function tracingIn(env: Environment, flag: string | undefined): TracingOptions | undefined {
  const url = collectorUrl(env, flag);
  if (url === undefined || isOff(env)) return undefined;
  const headers = pairs(env, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS') ?? pairs(env, 'OTEL_EXPORTER_OTLP_HEADERS');
  const resource = pairs(env, 'OTEL_RESOURCE_ATTRIBUTES');
  const serviceName = valueOf(env, 'OTEL_SERVICE_NAME') ?? resource?.['service.name'];
  return {
    url,
    ...(headers && { headers }),
    ...(resource && { resource }),
    ...(serviceName !== undefined && { serviceName }),
    ...samplingIn(env),
  };
}

/** An endpoint for all signals gets the path of traces; one for traces is whole (OTLP exporter specification). */
function collectorUrl(env: Environment, flag: string | undefined): string | undefined {
  const whole = flag === undefined ? valueOf(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT') : undefined;
  const base = flag ?? valueOf(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  return whole ?? (base === undefined ? undefined : base.replace(/\/+$/, '') + TRACES_PATH);
}

function isOff(env: Environment): boolean {
  return (
    valueOf(env, 'OTEL_SDK_DISABLED')?.toLowerCase() === 'true' ||
    valueOf(env, 'OTEL_TRACES_EXPORTER')?.toLowerCase() === 'none'
  );
}

function samplingIn(env: Environment): Pick<TracingOptions, 'sampler' | 'ratio'> {
  const name = valueOf(env, 'OTEL_TRACES_SAMPLER');
  const ratio = valueOf(env, 'OTEL_TRACES_SAMPLER_ARG');
  if (name === undefined) return {};
  const sampler = SAMPLERS.find((each) => each === name.toLowerCase());
  if (!sampler) throw invalid('OTEL_TRACES_SAMPLER', `is none of ${SAMPLERS.join(', ')}`);
  if (ratio === undefined || !sampler.endsWith('ratio')) return { sampler };
  if (!/^(?:0?\.\d+|[01](?:\.\d*)?)$/.test(ratio))
    throw invalid('OTEL_TRACES_SAMPLER_ARG', 'is no number from 0 to 1');
  return { sampler, ratio: Number(ratio) };
}

/** `name=value,name=value`, percent-encoded. */
function pairs(env: Environment, variable: string): Record<string, string> | undefined {
  const text = valueOf(env, variable);
  if (text === undefined) return undefined;
  const entries = text.split(',').filter((entry) => entry.trim() !== '');
  return Object.fromEntries(entries.map((entry) => pairIn(entry, variable)));
}

function pairIn(entry: string, variable: string): [string, string] {
  const at = entry.indexOf('=');
  const name = entry.slice(0, Math.max(0, at)).trim();
  if (name === '') throw invalid(variable, 'is no list name=value,name=value');
  try {
    return [name, decodeURIComponent(entry.slice(at + 1).trim())];
  } catch {
    throw invalid(variable, `is not percent-encoded in the value of ${name}`);
  }
}

/** An empty variable counts as absent. */
function valueOf(env: Environment, variable: string): string | undefined {
  const text = env[variable]?.trim() ?? '';
  return text === '' ? undefined : text;
}

function invalid(variable: string, problem: string): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', `${variable} ${problem}`, {
    hint: `Correct ${variable}, or unset it.`,
  });
}
