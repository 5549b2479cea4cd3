import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { startCollector } from '../../../../test/support/trace-collector.ts';
import { systemClock } from '../../../core/clock.ts';
import { resolveLimits } from '../../../core/limits.ts';
import type { Limits } from '../../../core/limits.ts';
import { seededRng } from '../../../core/random.ts';
import type { FinishedSpan } from '../../../core/trace.ts';
import { createPrometheusMetrics } from '../metrics.ts';
import { SpanExporter } from './span-exporter.ts';
import { SpanIds } from './span-ids.ts';

const ids = new SpanIds();
const SECRET = 'Bearer secret-of-the-collector';

function spans(count: number): FinishedSpan[] {
  return Array.from({ length: count }, (_, i) => ({
    context: { traceId: ids.traceId(), spanId: ids.spanId(), isSampled: true, state: '' },
    parentId: undefined,
    name: `span ${i}`,
    kind: 'server',
    startMs: 1_700_000_000_000.25,
    endMs: 1_700_000_000_001,
    attributes: { 'a.b': 'c', n: 7 },
    isError: false,
  }));
}

function start(url: string, limits: Partial<Limits>) {
  const metrics = createPrometheusMetrics();
  const logged: string[] = [];
  const exporter = new SpanExporter({
    collector: { url, headers: { authorization: SECRET } },
    source: { resource: { 'service.name': 'a test' }, scope: { name: 'skylift', version: '0' } },
    limits: resolveLimits({ trace_flush_ms: 1, ...limits }),
    clock: systemClock,
    rng: seededRng(1),
    log: (level, message, fields) => void logged.push(`${level} ${message} ${JSON.stringify(fields)}`),
    metrics,
  });
  const count = async (name: string): Promise<number> => {
    const line = (await metrics.render())
      .split('\n')
      .find((each) => each.startsWith(`skylift_trace_${name}`));
    return Number(line?.split(' ').at(-1) ?? 0);
  };
  return { exporter, logged, count };
}

/** Takes connections and never says a word. */
async function startSilence(context: TestContext): Promise<string> {
  const server = createServer((socket) => {
    context.after(() => socket.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  const { port } = server.address() as AddressInfo; // of TCP
  return `http://127.0.0.1:${port}/v1/traces`;
}

test('spans arrive in batches with the headers of the collector, in nanoseconds', async (context) => {
  const collector = await startCollector(context);
  const { exporter, count } = start(collector.url, { trace_batch_spans: 4 });
  exporter.add(spans(10));
  await exporter.close();
  assert.equal(collector.spans.length, 10);
  assert.deepEqual(
    collector.bodies.map((body) => (body.match(/"spanId"/g) ?? []).length),
    [4, 4, 2],
  );
  const [first] = collector.spans;
  assert.deepEqual([first?.startNs, first?.endNs], [1_700_000_000_000_250_000n, 1_700_000_000_001_000_000n]);
  assert.deepEqual(first?.attributes, { 'a.b': 'c', n: 7 });
  assert.equal(collector.resource['service.name'], 'a test');
  assert.ok(collector.requests.every(({ authorization }) => authorization === SECRET));
  assert.equal(await count('exported_spans_total'), 10);
});

test('a batch that is not full goes after a while', async (context) => {
  const collector = await startCollector(context);
  const { exporter } = start(collector.url, {});
  exporter.add(spans(1));
  await collector.until(() => collector.spans.length === 1);
  exporter.add(spans(1));
  await collector.until(() => collector.spans.length === 2);
  await exporter.close();
});

test('what does not fit into the queue is dropped and counted', async (context) => {
  const { exporter, count } = start(await startSilence(context), {
    trace_queue_spans: 5,
    trace_batch_spans: 3,
    trace_drain_ms: 1,
  });
  exporter.add(spans(5)); // three of them are on their way, two wait
  exporter.add(spans(100));
  assert.equal(await count('dropped_spans_total{reason="queue_full"}'), 97);
  await exporter.close();
  assert.equal(await count('dropped_spans_total{reason="shutdown"}'), 8);
});

for (const status of [429, 502, 503, 504])
  test(`${status} is tried again when the collector says`, async (context) => {
    const collector = await startCollector(context, (response, request) => {
      if (request < 3) response.writeHead(status, { 'retry-after': '0' });
      response.end();
    });
    const { exporter, count, logged } = start(collector.url, {});
    exporter.add(spans(2));
    await collector.until(() => collector.spans.length === 2);
    await exporter.close();
    assert.equal(new Set(collector.bodies).size, 1, 'the same batch');
    assert.equal(await count('exported_spans_total'), 2);
    assert.equal(logged.filter((line) => line.startsWith('warn')).length, 1, 'once per outage');
    assert.ok(!logged.join('\n').includes('secret'));
  });

test('a pause beyond the time for retries drops the batch', async (context) => {
  const collector = await startCollector(context, (response) =>
    response.writeHead(503, { 'retry-after': '3600' }).end(),
  );
  const { exporter, count } = start(collector.url, { trace_batch_spans: 1 });
  exporter.add(spans(1));
  await collector.until(() => collector.requests.length === 1);
  exporter.add(spans(1));
  await collector.until(() => collector.requests.length === 2); // the first batch is in nobody's way
  assert.equal(await count('dropped_spans_total{reason="unreachable"}'), 1);
  await exporter.close();
});

test('other refusals are final, and a partial success is counted', async (context) => {
  const collector = await startCollector(context, (response, request) => {
    if (request === 1) response.writeHead(400).end('{"message":"no"}');
    else response.end('{"partialSuccess":{"rejectedSpans":"2","errorMessage":"some"}}');
  });
  const { exporter, count } = start(collector.url, { trace_batch_spans: 3 });
  exporter.add(spans(6));
  await exporter.close();
  assert.equal(collector.requests.length, 2);
  assert.equal(await count('dropped_spans_total{reason="refused"}'), 5);
  assert.equal(await count('exported_spans_total'), 1);
});

test('a collector that never answers holds neither requests nor the end up', async (context) => {
  const { exporter, count } = start(await startSilence(context), { trace_drain_ms: 20 });
  exporter.add(spans(10));
  await exporter.close();
  exporter.add(spans(1));
  assert.equal(await count('dropped_spans_total{reason="shutdown"}'), 11);
});

test('nobody listens: the end waits for no pause', async () => {
  const { exporter, count, logged } = start('http://127.0.0.1:1/v1/traces', { trace_batch_spans: 1 });
  exporter.add(spans(1));
  while (logged.length === 0) await new Promise((resolve) => void setImmediate(resolve));
  await exporter.close(); // it is in the pause before the second try
  assert.equal(await count('dropped_spans_total{reason="shutdown"}'), 1);
  assert.match(logged[0] ?? '', /ECONNREFUSED/);
});
