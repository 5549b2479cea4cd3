/** `serve` with traces: a real model, clients of HTTP and gRPC, and a collector that takes what is exported. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import { serve } from '../../src/api/serve.ts';
import type { RunningServer, ServeOptions } from '../../src/api/serve.ts';
import type { AccessEntry } from '../../src/serve/server/access-log.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';
import { startCollector } from '../support/trace-collector.ts';
import type { CollectedSpan, Collector } from '../support/trace-collector.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';
const TRACEPARENT = `00-${TRACE}-${SPAN}-01`;
const PREDICT = 'tensorflow.serving.PredictionService/Predict';
const CANARY = 'canary-7f3a';
let folder = '';

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skylift-traces-'));
  await writeFile(join(folder, 'half.onnx'), halfPlusTwo());
});
after(() => rm(folder, { recursive: true, force: true }));

interface Traced {
  readonly server: RunningServer;
  readonly collector: Collector;
  readonly access: readonly AccessEntry[];
  readonly predict: (body: string, headers?: Readonly<Record<string, string>>) => Promise<Response>;
  /** Drains the server; every span is exported then. */
  readonly spans: () => Promise<readonly CollectedSpan[]>;
}

async function start(context: TestContext, options: Partial<ServeOptions> = {}): Promise<Traced> {
  const collector = await startCollector(context);
  const access: AccessEntry[] = [];
  const server = await serve({
    models: { half: join(folder, 'half.onnx') },
    http: { port: 0 },
    storeDir: join(folder, 'store'),
    limits: { warmup_budget_ms: 1, drain_idle_ms: 0 },
    tracing: { url: collector.url },
    accessLog: (entry) => void access.push(entry),
    ...options,
  });
  context.after(() => server.close());
  return {
    server,
    collector,
    access,
    predict: (body, headers = {}) =>
      fetch(`${server.url}/v1/models/half:predict`, { method: 'POST', body, headers }),
    async spans() {
      await server.drain();
      return collector.spans;
    },
  };
}

test('a request is a span of its caller with its wait and its run below it', async (context) => {
  const { predict, spans, access, collector } = await start(context);
  const reply = await predict('{"instances": [1, 2, 5]}', { traceparent: TRACEPARENT, tracestate: 'a=1' });
  assert.equal(reply.status, 200);
  const all = await spans();
  assert.deepEqual(all.map(({ name }) => name).toSorted(), [
    'POST /v1/models/{model}:predict',
    'queue',
    'run',
  ]);
  assert.ok(all.every(({ traceId, traceState }) => traceId === TRACE && traceState === 'a=1'));
  const [server, queue, run] = all;
  assert.ok(server && queue && run);
  assert.deepEqual([server.parentSpanId, server.kind, server.status], [SPAN, 2, {}]);
  assert.deepEqual(server.attributes, {
    'http.request.method': 'POST',
    'url.scheme': 'http',
    'http.route': '/v1/models/{model}:predict',
    'url.path': '/v1/models/half:predict',
    'http.response.status_code': 200,
    'skylift.model.name': 'half',
    'skylift.model.version': '1',
  });
  for (const { parentSpanId, kind } of [queue, run])
    assert.deepEqual([parentSpanId, kind], [server.spanId, 1]);
  assert.deepEqual(run.attributes, { 'skylift.engine': 'onnxruntime', 'skylift.batch.rows': 3 });
  assert.equal(queue.endNs, run.startNs);
  assert.ok(server.startNs <= queue.startNs && run.endNs <= server.endNs);
  assert.deepEqual(
    access.map(({ traceId }) => traceId),
    [TRACE],
  );
  assert.equal(collector.resource['service.name'], 'skylift');
});

test('a request without a caller, or with a broken one, begins a trace', async (context) => {
  const { predict, spans, access } = await start(context);
  await predict('{"instances": [1]}');
  await predict('{"instances": [1]}', { traceparent: `00-${'0'.repeat(32)}-${SPAN}-01`, tracestate: 'a=1' });
  const servers = (await spans()).filter(({ kind }) => kind === 2);
  assert.ok(
    servers.every(({ parentSpanId, traceState }) => parentSpanId === undefined && traceState === undefined),
  );
  const ids = servers.map(({ traceId }) => traceId);
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual(
    access.map(({ traceId }) => traceId),
    ids,
  );
});

test('a caller that is not recorded is not exported, but its trace is in the log', async (context) => {
  const { predict, spans, access } = await start(context);
  await predict('{"instances": [1]}', { traceparent: `00-${TRACE}-${SPAN}-00` });
  assert.deepEqual(await spans(), []);
  assert.equal(access[0]?.traceId, TRACE);
});

test('a call of gRPC is a span with the names and the status of gRPC', async (context) => {
  const { server, spans } = await start(context);
  const client = new GrpcClient(context, new URL(server.url).host);
  const tensor = { dtype: 'DT_FLOAT', tensor_shape: { dim: [{ size: 1 }] }, float_val: [1] };
  const metadata = { traceparent: TRACEPARENT };
  await client.call(PREDICT, { model_spec: { name: 'half' }, inputs: { x: tensor } }, { metadata });
  await assert.rejects(client.call(PREDICT, { model_spec: { name: 'none' }, inputs: { x: tensor } }));
  client.close();
  const [good, bad] = (await spans()).filter(({ kind }) => kind === 2);
  assert.deepEqual([good?.name, good?.traceId, good?.parentSpanId], [PREDICT, TRACE, SPAN]);
  assert.deepEqual(good?.attributes, {
    'rpc.system': 'grpc',
    'rpc.service': 'tensorflow.serving.PredictionService',
    'rpc.method': 'Predict',
    'rpc.grpc.status_code': 0,
    'skylift.model.name': 'half',
    'skylift.model.version': '1',
  });
  assert.equal(bad?.attributes['rpc.grpc.status_code'], 5);
  assert.equal(bad.attributes['error.type'], 'SKY_MODEL_NOT_FOUND');
  assert.deepEqual(bad.status, {}, 'the failure is the caller’s');
});

test('no value of a request is exported: not of tensors, paths, queries, headers or errors', async (context) => {
  const { server, predict, spans, collector } = await start(context);
  const client = new GrpcClient(context, new URL(server.url).host);
  const tensor = {
    dtype: 'DT_STRING',
    tensor_shape: { dim: [{ size: 1 }] },
    string_val: [Buffer.from(CANARY)],
  };
  await assert.rejects(client.call(PREDICT, { model_spec: { name: 'half' }, inputs: { [CANARY]: tensor } }));
  client.close();
  await predict(`{"instances": ["${CANARY}"]}`, { 'user-agent': CANARY, 'x-request-id': CANARY });
  await predict(`{"instances": [${CANARY}`);
  await predict(`{"signature_name": "${CANARY}", "instances": [1]}`, { authorization: CANARY });
  await fetch(`${server.url}/${CANARY}?${CANARY}=1`, { method: 'PUT' });
  await fetch(`${server.url}/v1/models?${CANARY}=1`);
  const oip = { inputs: [{ name: CANARY, shape: [1], datatype: 'BYTES', data: [CANARY] }] };
  await fetch(`${server.url}/v2/models/half/infer`, { method: 'POST', body: JSON.stringify(oip) });
  const servers = (await spans()).filter(({ kind }) => kind === 2);
  assert.equal(servers.length, 7);
  assert.ok(!collector.bodies.join('\n').includes(CANARY));
  assert.ok(servers.every(({ attributes }) => !Object.hasOwn(attributes, 'skylift.signature')));
});

test('probes and scrapes are no spans', async (context) => {
  const { server, spans } = await start(context);
  for (const path of ['/healthz', '/readyz', '/v2/health/live', '/metrics']) await fetch(server.url + path);
  assert.deepEqual(await spans(), []);
});

test('without tracing the access log has the trace of the caller, and nothing else is made up', async (context) => {
  const access: AccessEntry[] = [];
  const server = await serve({
    models: { half: join(folder, 'half.onnx') },
    http: { port: 0, backend: 'node' },
    storeDir: join(folder, 'store'),
    limits: { warmup_budget_ms: 1 },
    accessLog: (entry) => void access.push(entry),
  });
  context.after(() => server.close());
  await fetch(`${server.url}/v1/models`, { headers: { traceparent: TRACEPARENT } });
  await fetch(`${server.url}/v1/models`, { headers: { traceparent: 'x' } });
  assert.deepEqual(
    access.map(({ traceId }) => traceId),
    [TRACE, undefined],
  );
});

test('a URL of a collector that is none, or a header that nobody can send, ends the start', async () => {
  const url = 'http://127.0.0.1:4318/v1/traces';
  const unsendable = serve({
    models: {},
    storeDir: join(folder, 'store'),
    tracing: { url, headers: { key: `${CANARY}\n` } },
  });
  await assert.rejects(
    unsendable,
    ({ code, message }: { code: string; message: string }) =>
      code === 'SKY_CONFIG_INVALID' && message.includes('key') && !message.includes(CANARY),
  );
  const wrong = { models: {}, tracing: { url: 'collector:4318' } };
  await assert.rejects(serve({ ...wrong, storeDir: join(folder, 'store') }), { code: 'SKY_CONFIG_INVALID' });
});
