/** `serve` with TLS, as programs use it: a real model, real files, clients of HTTPS and gRPC. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { credentials } from '@grpc/grpc-js';
import { serve } from '../../src/api/serve.ts';
import type { RunningServer, ServeOptions } from '../../src/api/serve.ts';
import { runLoad } from '../../src/bench/run-load.ts';
import { createClient } from '../../src/client/client.ts';
import { GrpcClient } from '../grpc/grpc-client.ts';
import { makeAuthority } from '../support/certificates.ts';
import { halfPlusTwo } from '../support/onnx-models.ts';

const authority = makeAuthority();
const clients = makeAuthority('clients');
const pair = authority.issue();
const client = clients.issue({ name: 'a client' });
const STATUS = 'tensorflow.serving.ModelService/GetModelStatus';
let folder = '';
const at = (name: string): string => join(folder, name);

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'skylift-tls-'));
  await writeFile(at('half.onnx'), halfPlusTwo());
  await writeFile(at('ca.crt'), authority.cert);
  await writeFile(at('clients.crt'), clients.cert);
  await writeFile(at('tls.crt'), pair.cert);
  await writeFile(at('tls.key'), pair.key, { mode: 0o600 });
});
after(() => rm(folder, { recursive: true, force: true }));

function start(t: TestContext, options: Partial<ServeOptions> = {}): Promise<RunningServer> {
  return startPlain(t, { tls: { certFile: at('tls.crt'), keyFile: at('tls.key') }, ...options });
}

async function startPlain(t: TestContext, options: Partial<ServeOptions>): Promise<RunningServer> {
  const server = await serve({
    models: { half: at('half.onnx') },
    http: { port: 0 },
    storeDir: at('store'),
    limits: { warmup_budget_ms: 1 },
    ...options,
  });
  t.after(() => server.close());
  return server;
}

const isServed = (channel: GrpcClient): Promise<unknown> =>
  channel.call(STATUS, { model_spec: { name: 'half' } });
const ofClients = (): ReturnType<typeof credentials.createSsl> =>
  credentials.createSsl(Buffer.from(authority.cert), Buffer.from(client.key), Buffer.from(client.cert));
const ofAll = (): ReturnType<typeof credentials.createSsl> =>
  credentials.createSsl(Buffer.from(authority.cert));

test('HTTPS and gRPC over TLS share a port', async (t) => {
  const server = await start(t);
  assert.match(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  using https = createClient(server.url, { ca: authority.cert });
  assert.deepEqual(await https.predict('half', { instances: [1, 2] }), { predictions: [2.5, 3] });
  await isServed(new GrpcClient(t, server.grpc[0] ?? '', ofAll()));
  using distrustful = createClient(server.url);
  await assert.rejects(distrustful.models(), { code: 'SKY_UNREACHABLE' });
  const body = '{"instances": [1]}';
  const url = `${server.url}/v1/models/half:predict`;
  const report = await runLoad({ url, body, requests: 50, connections: 2, ca: authority.cert });
  assert.deepEqual([report.requests, report.failed], [50, 0]);
});

test('node:http and a port of its own for gRPC are secured, a UNIX socket is plain', async (t) => {
  const socketPath = at('grpc.sock');
  const grpc = { port: 0, ...(process.platform !== 'win32' && { socketPath }) };
  const server = await start(t, { http: { port: 0, backend: 'node' }, grpc });
  using https = createClient(server.url, { ca: authority.cert });
  assert.deepEqual(await https.models(), ['half']);
  const [port = '', socket = ''] = server.grpc;
  await isServed(new GrpcClient(t, port, ofAll()));
  if (socket !== '') await isServed(new GrpcClient(t, socket));
});

test('clients without a certificate of the CA are refused, on HTTPS and gRPC', async (t) => {
  const paths = { certFile: at('tls.crt'), keyFile: at('tls.key'), clientCaFile: at('clients.crt') };
  const server = await start(t, { tls: paths });
  using https = createClient(server.url, { ca: authority.cert });
  await assert.rejects(https.models(), { code: 'SKY_UNREACHABLE' });
  const target = server.grpc[0] ?? '';
  await assert.rejects(isServed(new GrpcClient(t, target, ofAll())), { code: 14 });
  await isServed(new GrpcClient(t, target, ofClients()));
});

test('the SSLConfig of TensorFlow Serving secures gRPC and leaves HTTP alone', async (t) => {
  const quoted = (pem: string): string => `"${pem.replaceAll('\n', '\\n')}"`;
  const text = `server_key: ${quoted(pair.key)}\nserver_cert: ${quoted(pair.cert)}\n`;
  const mutual = `${text}custom_ca: ${quoted(clients.cert)}\nclient_verify: true\n`;
  await writeFile(at('ssl.cfg'), text, { mode: 0o600 });
  await writeFile(at('mutual.cfg'), mutual, { mode: 0o600 });
  for (const [file, credentialsOf] of [
    ['ssl.cfg', ofAll],
    ['mutual.cfg', ofClients],
  ] as const) {
    const server = await startPlain(t, { grpc: { port: 0, sslConfigFile: at(file) } });
    assert.match(server.url, /^http:/);
    await isServed(new GrpcClient(t, server.grpc[0] ?? '', credentialsOf()));
    if (file === 'mutual.cfg')
      await assert.rejects(isServed(new GrpcClient(t, server.grpc[0] ?? '', ofAll())), { code: 14 });
  }
});

test('a broken pair ends the start before a port is open', async (t) => {
  await writeFile(at('other.key'), authority.issue().key, { mode: 0o600 });
  const tls = { certFile: at('tls.crt'), keyFile: at('other.key') };
  await assert.rejects(start(t, { tls }), {
    code: 'SKY_CONFIG_INVALID',
    message: /not the one of the first/,
  });
  await assert.rejects(start(t, { tls: { ...tls, keyFile: at('absent.key') } }), {
    code: 'SKY_CONFIG_INVALID',
  });
  const grpc = { sslConfigFile: at('ssl.cfg') };
  await assert.rejects(start(t, { grpc }), {
    code: 'SKY_CONFIG_INVALID',
    message: /port of gRPC that is not/,
  });
});

test('a plain client at the port of HTTPS is cut off', async (t) => {
  const { url } = await start(t);
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.write('GET /readyz HTTP/1.1\r\nhost: t\r\n\r\n');
  await new Promise((resolve) => socket.once('close', resolve));
});

test('curl is answered, whatever protocol it prefers', async (t) => {
  const { url } = await start(t);
  const curl = promisify(execFile);
  const hasCurl = await curl('curl', ['--version']).then(
    () => true,
    () => false,
  );
  if (!hasCurl) return t.skip('there is no curl');
  for (const more of [[], ['--http1.1'], ['--http1.0'], ['--tls-max', '1.2']]) {
    const { stdout } = await curl('curl', ['-sS', '--cacert', at('ca.crt'), ...more, `${url}/readyz`]);
    assert.equal(stdout, '{"live":true,"ready":true}');
  }
});
