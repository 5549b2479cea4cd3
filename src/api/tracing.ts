/** Where the traces of a server go. */
import { validateHeaderName, validateHeaderValue } from 'node:http';
import { hostname } from 'node:os';
import type { Clock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import type { Log } from '../core/log.ts';
import type { Metrics } from '../core/metrics.ts';
import { productVersions } from '../core/product.ts';
import { createOtlpTrace } from '../serve/server/tracing/otlp-trace.ts';
import type { ExportedTrace } from '../serve/server/tracing/otlp-trace.ts';
import type { SamplerOptions } from '../serve/server/tracing/sampler.ts';

export interface TracingOptions extends SamplerOptions {
  /** Where an OTLP/HTTP collector takes traces, whole: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** Sent with every export. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** @default skylift */
  readonly serviceName?: string;
  /** Attributes of the resource. @default the version, the host and the process */
  readonly resource?: Readonly<Record<string, string>>;
}

interface TracingParts {
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Undefined without options. Connects when there is something to tell. Throws SKY_CONFIG_INVALID. */
export function openTracing(
  options: TracingOptions | undefined,
  parts: TracingParts,
): ExportedTrace | undefined {
  if (!options) return undefined;
  const { url, headers = {}, serviceName = 'skylift', resource = {}, ...sampling } = options;
  requireUrl(url);
  requireHeaders(headers);
  const { skylift: version } = productVersions();
  return createOtlpTrace({
    ...parts,
    ...sampling,
    collector: { url, headers },
    source: {
      resource: {
        'service.version': version,
        'host.name': hostname(),
        'process.pid': process.pid,
        ...resource,
        'service.name': serviceName,
        'telemetry.sdk.name': 'skylift',
        'telemetry.sdk.language': 'nodejs',
        'telemetry.sdk.version': version,
      },
      scope: { name: 'skylift', version },
    },
  });
}

function requireUrl(url: string): void {
  const protocol = URL.parse(url)?.protocol;
  if (protocol === 'http:' || protocol === 'https:') return;
  throw new SkyliftError(
    'SKY_CONFIG_INVALID',
    'the URL of the trace collector is no http:// or https:// URL',
    {
      hint: 'Give where the collector takes OTLP over HTTP: http://127.0.0.1:4318',
    },
  );
}

/** Their values are secrets more often than not: only the name is told. */
function requireHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers))
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw new SkyliftError(
        'SKY_CONFIG_INVALID',
        `no request can carry the header ${JSON.stringify(name)} of the trace collector`,
        {
          hint: 'Give names and values that HTTP allows.',
        },
      );
    }
}
