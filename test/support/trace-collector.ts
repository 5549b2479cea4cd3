/** A collector of OTLP/HTTP in this process: takes JSON over a real socket, checks its form, keeps the spans. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly name: string;
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, string | number>>;
  readonly status: { readonly code?: number };
}

export interface Collector {
  /** Whole URL of traces. */
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  readonly bodies: readonly string[];
  readonly requests: readonly IncomingHttpHeaders[];
  readonly resource: Readonly<Record<string, string | number>>;
  /** Resolves when so many spans, or requests, have come. */
  readonly until: (isEnough: (collector: Collector) => boolean) => Promise<void>;
}

type Answer = (response: ServerResponse, request: number) => void;

const TAKE: Answer = (response) => void response.setHeader('content-type', 'application/json').end('{}');

/** Starts a collector that ends with the test. @param answer default: everything is taken */
export async function startCollector(context: TestContext, answer: Answer = TAKE): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const requests: IncomingHttpHeaders[] = [];
  const resource: Record<string, string | number> = {};
  const waiting = new Set<() => void>();
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    assert.deepEqual([request.method, request.url], ['POST', '/v1/traces']);
    assert.equal(request.headers['content-type'], 'application/json');
    bodies.push(body);
    requests.push(request.headers);
    answer(response, requests.length);
    if (response.statusCode === 200) spans.push(...spansIn(body, resource));
    for (const look of waiting) look();
  };
  const server = createServer((request, response) => void take(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo; // of TCP
  const collector: Collector = {
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    bodies,
    requests,
    resource,
    until: (isEnough) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!isEnough(collector)) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
  return collector;
}

interface OtlpValue {
  readonly stringValue?: string;
  readonly intValue?: string;
}
interface OtlpSpan extends Omit<CollectedSpan, 'startNs' | 'endNs' | 'attributes'> {
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: OtlpValue }[];
}
interface OtlpRequest {
  readonly resourceSpans: readonly {
    readonly resource: Pick<OtlpSpan, 'attributes'>;
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly OtlpSpan[];
    }[];
  }[];
}

function spansIn(body: string, resource: Record<string, string | number>): CollectedSpan[] {
  const { resourceSpans } = JSON.parse(body) as OtlpRequest;
  return resourceSpans.flatMap((each) => {
    Object.assign(resource, valuesIn(each.resource.attributes));
    return each.scopeSpans.flatMap(({ scope, spans }) => {
      assert.equal(scope.name, 'skylift');
      return spans.map(spanOf);
    });
  });
}

function spanOf({ startTimeUnixNano, endTimeUnixNano, attributes, ...span }: OtlpSpan): CollectedSpan {
  assert.match(span.traceId, /^[0-9a-f]{32}$/);
  assert.match(span.spanId, /^[0-9a-f]{16}$/);
  assert.match(startTimeUnixNano, /^\d{19}$/);
  const [startNs, endNs] = [BigInt(startTimeUnixNano), BigInt(endTimeUnixNano)];
  assert.ok(startNs <= endNs);
  return { ...span, startNs, endNs, attributes: valuesIn(attributes) };
}

function valuesIn(attributes: OtlpSpan['attributes']): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? Number(value.intValue)] as const),
  );
}
