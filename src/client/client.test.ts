import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { createClient, modelPath } from './client.ts';
import type { Client, ClientOptions } from './client.ts';

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

async function serverWith(t: TestContext, listener: Listener): Promise<string> {
  const server = createServer((request, response) => void listener(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function clientOf(t: TestContext, listener: Listener, options?: ClientOptions): Promise<Client> {
  const client = createClient(await serverWith(t, listener), options);
  t.after(() => client.close());
  return client;
}

test('rows go out and predictions come back', async (t) => {
  const seen: unknown[] = [];
  const client = await clientOf(t, async (request, response) => {
    seen.push(request.method, request.url, await json(request));
    response.end('{"predictions": [[0.5]]}');
  });
  assert.deepEqual(await client.predict('my model', { instances: [1] }, { version: 3n }), {
    predictions: [[0.5]],
  });
  assert.deepEqual(seen, ['POST', '/v1/models/my%20model/versions/3:predict', { instances: [1] }]);
});

test('columns go out and outputs come back', async (t) => {
  const client = await clientOf(t, (_request, response) => response.end('{"outputs": {"y": [2]}}'));
  assert.deepEqual(await client.predict('m', { inputs: { x: [1] } }), { outputs: { y: [2] } });
});

test('NaN and Infinity are read as TensorFlow Serving writes them', async (t) => {
  const client = await clientOf(t, (_request, response) =>
    response.end('{"predictions": [NaN, -Infinity, 1.0]}'),
  );
  const { predictions } = await client.predict('m', { instances: [1] });
  assert.deepEqual(predictions, [Number.NaN, Number.NEGATIVE_INFINITY, 1]);
});

test("the server's message and status are part of the error", async (t) => {
  const client = await clientOf(t, (_request, response) => {
    response.statusCode = 404;
    response.end('{"error": "Servable not found for request: Latest(m)"}');
  });
  await assert.rejects(client.predict('m', { instances: [1] }), {
    code: 'SKY_REMOTE',
    message: /^HTTP 404 .*: Servable not found for request: Latest\(m\)$/,
    details: { status: 404, said: 'Servable not found for request: Latest(m)' },
  });
});

test('an answer that is no JSON is an error with an excerpt', async (t) => {
  const client = await clientOf(t, (_request, response) => response.end('<html>\nproxy'));
  await assert.rejects(client.models(), { code: 'SKY_REMOTE', message: /no JSON: <html> proxy/ });
});

test('a dead server is unreachable', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  const client = createClient(`http://127.0.0.1:${port}`);
  t.after(() => client.close());
  await assert.rejects(client.models(), { code: 'SKY_UNREACHABLE', message: /ECONNREFUSED/ });
});

test('an answer that breaks off is unreachable', async (t) => {
  const client = await clientOf(t, (_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('{"pred', () => response.destroy());
  });
  await assert.rejects(client.predict('m', { instances: [1] }), { code: 'SKY_UNREACHABLE' });
});

test('silence ends at the deadline', async (t) => {
  const client = await clientOf(t, () => {}, { timeoutMs: 30 });
  await assert.rejects(client.models(), { code: 'SKY_DEADLINE_EXCEEDED', message: /30 ms/ });
});

test('the caller may cancel', async (t) => {
  const controller = new AbortController();
  const client = await clientOf(t, () => controller.abort());
  await assert.rejects(client.models({ signal: controller.signal }), { code: 'SKY_CANCELLED' });
});

test('status is typed', async (t) => {
  const entry = {
    version: '9007199254740993',
    state: 'AVAILABLE',
    status: { error_code: 'OK', error_message: '' },
  };
  const client = await clientOf(t, (_request, response) =>
    response.end(JSON.stringify({ model_version_status: [entry] })),
  );
  assert.deepEqual(await client.status('m'), [
    { version: 9007199254740993n, state: 'AVAILABLE', errorCode: 'OK', errorMessage: '' },
  ]);
});

test('the list of models holds names', async (t) => {
  const client = await clientOf(t, (_request, response) =>
    response.end('{"object":"list","models":["a","b"]}'),
  );
  assert.deepEqual(await client.models(), ['a', 'b']);
});

test('connections are kept', async (t) => {
  const ports = new Set<number | undefined>();
  const client = await clientOf(t, (request, response) => {
    ports.add(request.socket.remotePort);
    response.end('{"models":[]}');
  });
  for (let i = 0; i < 5; i++) await client.models();
  assert.equal(ports.size, 1);
});

test('only http and https URLs are taken', () => {
  for (const url of ['ftp://x', 'x', ''])
    assert.throws(() => createClient(url), { code: 'SKY_CONFIG_INVALID' });
});

test('paths name versions and labels', () => {
  assert.equal(modelPath('m'), '/v1/models/m');
  assert.equal(modelPath('m', { version: 2 }), '/v1/models/m/versions/2');
  assert.equal(modelPath('m', { label: 'a/b' }), '/v1/models/m/labels/a%2Fb');
});

test('the API key goes along with every request, and with none where there is no key', async (t) => {
  const seen: unknown[] = [];
  const listener: Listener = (request, response) => {
    seen.push(request.headers.authorization);
    response.end('{"predictions": [], "models": []}');
  };
  const client = await clientOf(t, listener, { apiKey: 'skl_a_b' });
  await client.predict('m', { instances: [] });
  await client.models();
  await (await clientOf(t, listener)).models();
  assert.deepEqual(seen, ['Bearer skl_a_b', 'Bearer skl_a_b', undefined]);
});

test('a refusal is shown in the words of the server', async (t) => {
  const client = await clientOf(t, (_request, response) => {
    response.statusCode = 403;
    response.end('{"error": "not for the model \\"m\\"", "code": "SKY_PERMISSION_DENIED"}');
  });
  await assert.rejects(client.status('m'), {
    code: 'SKY_REMOTE',
    message: /^HTTP 403 .*: not for the model "m"$/,
    hint: /a key that allows this/,
  });
});

test('a key that no header can carry is refused without being shown', () => {
  for (const apiKey of ['', 'secret\r\nx: y', 'secret key', 'schlüssel'])
    assert.throws(
      () => createClient('http://127.0.0.1:1', { apiKey }),
      (error: Error) =>
        'code' in error && error.code === 'SKY_CONFIG_INVALID' && !/secret|schl/.test(error.message),
    );
});
