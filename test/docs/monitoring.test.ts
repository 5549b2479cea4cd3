/** The dashboard, the alerts and the guide speak of metrics that a server really has. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, after, test } from 'node:test';
import { serve } from '../../src/index.ts';

const GUIDE = join(import.meta.dirname, '..', '..', 'docs', 'guide');
/** Appear with the first event of their kind, which does not happen here. */
const RARE = new Set([
  'skylift_auth_denied_total',
  'skylift_engine_exits_total',
  'skylift_rejected_total',
  'skylift_tls_certificate_expiry_seconds',
  'skylift_trace_dropped_spans_total',
  'skylift_trace_exported_spans_total',
  ':tensorflow:serving:model_warmup_latency',
  ':tensorflow:serving:model_warmup_records_read',
]);
/** Of Prometheus itself. */
const OF_PROMETHEUS = new Set(['up']);

let folder: string;
let known: ReadonlySet<string>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skylift-monitoring-'));
  await using server = await serve({
    models: { m: join(GUIDE, 'half_plus_two.onnx') },
    http: { port: 0 },
    storeDir: join(folder, 'store'),
  });
  await fetch(`${server.url}/v1/models/m:predict`, { method: 'POST', body: '{"instances": [1]}' });
  const text = await (await fetch(`${server.url}/metrics`)).text();
  known = new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name ?? ''));
});
after(() => rm(folder, { recursive: true, force: true }));

/** Metrics that a text names. */
function named(text: string): readonly string[] {
  const names = text.match(/:tensorflow:serving:\w+|\b(?:skylift|process|nodejs)_\w+|\bup(?=\{)/g) ?? [];
  return [
    ...new Set(
      names.map((name) =>
        name.replace(/_(?:bucket|sum|count)$/, (suffix) => (known.has(name) ? suffix : '')),
      ),
    ),
  ];
}

function assertKnown(text: string, atLeast: number): void {
  const names = named(text);
  assert.ok(names.length >= atLeast, `only ${names.join(', ')}`);
  assert.deepEqual(
    names.filter((name) => !known.has(name) && !RARE.has(name) && !OF_PROMETHEUS.has(name)),
    [],
  );
}

test('the Grafana dashboard', async () => {
  const { panels } = JSON.parse(
    await readFile(join(GUIDE, 'monitoring', 'grafana-dashboard.json'), 'utf8'),
  ) as {
    panels: readonly { targets?: readonly { expr: string }[] }[];
  };
  const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  assertKnown(queries.join('\n'), 15);
});

test('the alerts', async () => {
  assertKnown(await readFile(join(GUIDE, 'monitoring', 'alerts.yaml'), 'utf8'), 6);
});

test('the table of the guide', async () => {
  const guide = await readFile(join(GUIDE, 'operating.md'), 'utf8');
  assertKnown(guide.match(/^\| `(?:skylift|:tensorflow)[^|]*\|/gm)?.join('\n') ?? '', 10);
});
