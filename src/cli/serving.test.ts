import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { tinyGraph } from './doctor/tiny-graph.ts';
import { makeAuthority } from '../../test/support/certificates.ts';
import { runProgram, startProgram, waitForText } from '../../test/support/started-program.ts';

const ANSWER = { outputs: [-1.5, 2] };
const QUICK = '--warmup_budget_ms=10';
const HAS_IPV6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
);
const INPUT = '{"inputs": [1.5, -2]}';
let dir = '';
let env: Readonly<Record<string, string>> = {};
let model = '';

before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'skylift-programs-'));
  env = { SKYLIFT_STORE: join(dir, 'store') };
  model = join(dir, 'negate.onnx');
  await writeFile(model, tinyGraph());
});
after(() => rm(dir, { recursive: true, force: true }));

test('serve says where it answers, answers there, and drains on SIGTERM', async () => {
  const server = startProgram('skylift', ['serve', model, '--port=0', '--json', QUICK], { env });
  const document = JSON.parse(await waitForText(server.stdout, /\n$/)) as {
    url: string;
    models: { predictUrl: string }[];
  };
  const predictUrl = document.models[0]?.predictUrl ?? '';
  assert.equal(predictUrl, `${document.url}/v1/models/negate:predict`);
  const remote = await runProgram('skylift', ['predict', predictUrl, '--input', INPUT]);
  assert.deepEqual(JSON.parse(remote.stdout), ANSWER);
  const table = await runProgram('skylift', ['ps', document.url]);
  assert.match(table.stdout, /^model +version +state +requests.*\nnegate +1 +READY +1 +0 .* 1\.0 .*MiB\n$/);
  const states = JSON.parse((await runProgram('skylift', ['ps', document.url, '--json'])).stdout);
  assert.equal(states.models[0].statistics.requests, 1);
  server.kill('SIGTERM');
  assert.deepEqual(await once(server, 'exit'), [0, null]);
  assert.match((await runProgram('skylift', ['ps', document.url])).stderr, /SKY_UNREACHABLE/);
});

test('serve speaks gRPC on the port of HTTP, or on --port when --rest_api_port is given too', async (t) => {
  const placesOf = async (...ports: string[]): Promise<{ http: string; grpc: readonly string[] }> => {
    const server = startProgram('skylift', ['serve', model, ...ports, '--json', QUICK], { env });
    t.after(() => server.kill('SIGTERM'));
    const { url, grpc } = JSON.parse(await waitForText(server.stdout, /\n$/)) as {
      url: string;
      grpc: string[];
    };
    return { http: new URL(url).host, grpc };
  };
  const shared = await placesOf('--port=0');
  assert.deepEqual(shared.grpc, [shared.http]);
  const apart = await placesOf('--port=0', '--rest_api_port=0');
  assert.equal(apart.grpc.length, 1);
  assert.notEqual(apart.grpc[0], apart.http);
  assert.deepEqual((await placesOf('--port=0', '--http_backend=node')).grpc, []);
});

test('an address that is not of this machine ends the start, and nothing is said of who may use it', async () => {
  const { exitCode, stderr } = await runProgram('skylift', ['serve', model, '--host=203.0.113.7'], { env });
  assert.equal(exitCode, 3);
  assert.match(stderr, /^✖ SKY_CONFIG_INVALID {2}cannot listen on 203\.0\.113\.7:8501: EADDRNOTAVAIL\n/);
});

test('a server that others can reach says so', async (t) => {
  const args = ['serve', model, '--port=0', '--host=0.0.0.0', QUICK];
  const server = startProgram('skylift', args, { env });
  t.after(() => server.kill('SIGTERM'));
  await waitForText(
    server.stderr,
    /! http:\/\/0\.0\.0\.0:\d+: everybody who reaches this machine may use the models; --auth-keys=FILE asks for keys\./,
  );
});

test('a server with keys lets in who has one, and does not say that everybody may', async (t) => {
  const { keysFile, key } = await makeKey();
  const args = [
    'serve',
    model,
    '--port=0',
    '--host=0.0.0.0',
    `--auth-keys=${keysFile}`,
    '--access-log',
    QUICK,
  ];
  const server = startProgram('skylift', args, { env });
  t.after(() => server.kill('SIGKILL'));
  let said = '';
  server.stderr.setEncoding('utf8').on('data', (piece: string) => (said += piece));
  while (!/More .*\n/.test(said)) await once(server.stderr, 'data');
  assert.doesNotMatch(said, /everybody/);
  const url = (/REST +(\S+):predict\n/.exec(said)?.[1] ?? '').replace('0.0.0.0', '127.0.0.1');
  const withKey = { SKYLIFT_API_KEY: `${key}\n` };
  const ask = ['predict', url, '--input', INPUT];
  assert.deepEqual(JSON.parse((await runProgram('skylift', ask, { env: withKey })).stdout), ANSWER);
  const refused = await runProgram('skylift', ask);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /HTTP 401 from \S+: this server wants an API key and the request has none\n/);
  assert.match(refused.stderr, /SKYLIFT_API_KEY/);
  const measure = ['bench', url, '--duration=0.1', '--warmup=0.1', '--json'];
  const { failed, requests } = JSON.parse(
    (await runProgram('skylift', measure, { env: withKey })).stdout,
  ) as { failed: number; requests: number };
  assert.ok(failed === 0 && requests > 0);
  server.kill('SIGTERM');
  assert.deepEqual(await once(server, 'close'), [0, null]);
  assert.match(said, new RegExp(`"status":200.*"key":"${key.slice(4, 20)}"`));
  assert.ok(!said.includes(key.slice(21, 40)));
});

test('the keys file may come from the environment, and an empty one is no way to switch keys off', async () => {
  const absent = join(dir, 'absent.json');
  const fromEnvironment = { ...env, SKYLIFT_AUTH_KEYS: absent };
  for (const [args, environment, exitCode, said] of [
    [[], fromEnvironment, 3, /SKY_CONFIG_INVALID {2}cannot read .*absent\.json/],
    [[`--auth-keys=${absent}`], env, 3, /SKY_CONFIG_INVALID {2}cannot read .*absent\.json/],
    [['--auth-keys='], env, 2, /does not fit auth_keys: it is the path of a file/],
    [['--auth-pepper=p'], env, 2, /--auth-pepper says nothing without --auth-keys/],
  ] as const) {
    const outcome = await runProgram('skylift', ['serve', model, '--port=0', ...args], { env: environment });
    assert.equal(outcome.exitCode, exitCode, outcome.stderr);
    assert.match(outcome.stderr, said);
  }
});

test('an IPv6 address is served, and stands in brackets in URLs', { skip: !HAS_IPV6 }, async (t) => {
  const server = startProgram('skylift', ['serve', model, '--port=0', '--host=::1', QUICK], { env });
  t.after(() => server.kill('SIGTERM'));
  const talk = await waitForText(server.stderr, /More .*\n/);
  assert.doesNotMatch(talk, /everybody/);
  const url = /REST +(\S+):predict\n/.exec(talk)?.[1] ?? '';
  assert.match(url, /^http:\/\/\[::1\]:\d+\//);
  const { stdout } = await runProgram('skylift', ['predict', url, '--input', INPUT]);
  assert.deepEqual(JSON.parse(stdout), ANSWER);
});

test(
  'the command that serve suggests works as it stands',
  { skip: process.platform === 'win32' },
  async (t) => {
    const server = startProgram('skylift', ['serve', model, '--port=0', QUICK], { env });
    t.after(() => server.kill('SIGTERM'));
    const talk = await waitForText(server.stderr, /More .*\n/);
    const command = /Try +(curl .*)\n/.exec(talk)?.[1] ?? '';
    const { stdout } = await promisify(execFile)('sh', ['-c', command]);
    assert.ok('outputs' in (JSON.parse(stdout) as object), stdout);
  },
);

test(
  'with keys it suggests a command that takes the key from the environment',
  { skip: process.platform === 'win32' },
  async (t) => {
    const { keysFile, key } = await makeKey();
    const server = startProgram('skylift', ['serve', model, '--port=0', '--auth-keys', keysFile, QUICK], {
      env,
    });
    t.after(() => server.kill('SIGTERM'));
    const talk = await waitForText(server.stderr, /More .*\n/);
    const command = /Try +(curl .*)\n/.exec(talk)?.[1] ?? '';
    const shell = { env: { ...process.env, SKYLIFT_API_KEY: key } };
    const { stdout } = await promisify(execFile)('sh', ['-c', command], shell);
    assert.ok('outputs' in (JSON.parse(stdout) as object), stdout);
  },
);

test('tensorflow_model_server serves with the command line of the original', async () => {
  const port = await freePort();
  const args = [`--rest_api_port=${port}`, '--port=0', '--model_name=m', QUICK, '--model_base_path', model];
  const server = startProgram('tensorflow_model_server', args, { env });
  await waitForText(server.stderr, new RegExp(`Exporting HTTP/REST API at:localhost:${port} \\.\\.\\.\n`));
  const url = `http://127.0.0.1:${port}/v1/models/m`;
  const { stdout } = await runProgram('skylift', ['predict', url, '--input', INPUT]);
  assert.deepEqual(JSON.parse(stdout), ANSWER);
  const second = await runProgram('tensorflow_model_server', args, { env });
  assert.equal(second.exitCode, 255);
  assert.match(second.stderr, new RegExp(`Failed to start HTTP Server at localhost:${port}\n`));
  server.kill('SIGTERM');
  assert.deepEqual(await once(server, 'exit'), [0, null]);
});

test('tensorflow_model_server asks for keys, too', async (t) => {
  const { keysFile, key } = await makeKey();
  const port = await freePort();
  const args = [`--rest_api_port=${port}`, '--port=0', '--model_name=m', QUICK, '--model_base_path', model];
  const server = startProgram('tensorflow_model_server', [...args, '--auth-keys', keysFile], { env });
  t.after(() => server.kill('SIGTERM'));
  const talk = await waitForText(server.stderr, /Exporting HTTP.*\n/);
  assert.doesNotMatch(talk, /everybody|unknown/);
  const url = `http://127.0.0.1:${port}/v1/models/m`;
  assert.equal((await fetch(url)).status, 401);
  assert.equal((await fetch(url, { headers: { authorization: `Bearer ${key}` } })).status, 200);
});

test('tensorflow_model_server does not start without keys because a flag for them is wrong', async () => {
  const args = ['--rest_api_port=1', '--port=0', '--model_name=m', '--model_base_path', model];
  for (const [flag, said] of [
    ['--auth_key=keys.json', /--auth_key=keys\.json is no flag/],
    ['-auth-keys=keys.json', /-auth-keys=keys\.json is no flag/],
    ['--auth-keys=', /keys are to be asked for, but of no file/],
    ['--auth_pepper=p', /keys are to be asked for, but of no file/],
    ['--auth_keys=absent.json', /SKY_CONFIG_INVALID cannot read absent\.json/],
  ] as const) {
    const { exitCode, stderr } = await runProgram('tensorflow_model_server', [...args, flag], { env });
    assert.equal(exitCode, 255, flag);
    assert.match(stderr, said);
  }
});

test('skylift serve speaks HTTPS, and predict and bench trust the CA that they are told', async (t) => {
  const authority = makeAuthority();
  const pair = authority.issue();
  const folder = await mkdtemp(join(dir, 'tls-'));
  const [cert, key, ca] = [join(folder, 'tls.crt'), join(folder, 'tls.key'), join(folder, 'ca.crt')];
  await Promise.all([writeFile(cert, pair.cert), writeFile(key, pair.key), writeFile(ca, authority.cert)]);
  const args = ['serve', model, '--port=0', `--tls-cert=${cert}`, `--tls-key=${key}`, QUICK];
  const server = startProgram('skylift', args, { env });
  t.after(() => server.kill('SIGTERM'));
  const said = await waitForText(server.stderr, /readyz\n/);
  const [, url = ''] = /REST {3}(https:\S+):predict/.exec(said) ?? [];
  const ask = ['predict', url, `--input=${INPUT}`];
  const trusting = await runProgram('skylift', [...ask, `--tls-ca=${ca}`], { env });
  assert.deepEqual(JSON.parse(trusting.stdout), ANSWER);
  const byNode = await runProgram('skylift', ask, { env: { ...env, NODE_EXTRA_CA_CERTS: ca } });
  assert.deepEqual(JSON.parse(byNode.stdout), ANSWER);
  const distrustful = await runProgram('skylift', ask, { env });
  assert.match(distrustful.stderr, /SKY_UNREACHABLE/);
  const measure = ['bench', url, '--duration=0.1', '--warmup=0.1', '--json', `--tls-ca=${ca}`];
  const report = JSON.parse((await runProgram('skylift', measure, { env })).stdout) as { failed: number };
  assert.equal(report.failed, 0);
  assert.doesNotMatch(said, new RegExp(pair.key.slice(30, 60).replaceAll('+', '.')));
});

test('TLS that is given in part, or wrongly, is no way to serve in the clear', async () => {
  const plain = ['serve', model, '--port=0'];
  for (const [args, exitCode, said] of [
    [['--tls-cert=c'], 2, /TLS needs a certificate and its private key/],
    [['--tls-client-ca=c'], 2, /TLS needs a certificate and its private key/],
    [['--tls-key='], 2, /does not fit tls_key: it is the path of a file/],
    [['--tls-cert=absent', '--tls-key=absent'], 3, /SKY_CONFIG_INVALID {2}cannot read absent/],
  ] as const) {
    const outcome = await runProgram('skylift', [...plain, ...args], { env });
    assert.equal(outcome.exitCode, exitCode, outcome.stderr);
    assert.match(outcome.stderr, said);
  }
  const original = ['--rest_api_port=1', '--model_name=m', '--model_base_path', model];
  for (const [flag, said] of [
    ['--tls-certificate=c', /--tls-certificate=c is no flag/],
    ['--ssl_config=c', /--ssl_config=c is no flag/],
    ['--tls-cert=c', /TLS needs a certificate and its private key/],
    ['--tls-key=', /TLS needs a certificate and its private key/],
    ['--ssl_config_file=absent.cfg', /SKY_CONFIG_INVALID cannot read absent\.cfg/],
  ] as const) {
    const { exitCode, stderr } = await runProgram('tensorflow_model_server', [...original, flag], { env });
    assert.equal(exitCode, 255, flag);
    assert.match(stderr, said);
  }
});

/** A key file of one key. */
async function makeKey(): Promise<{ keysFile: string; key: string }> {
  const keysFile = join(await mkdtemp(join(dir, 'keys-')), 'keys.json');
  const { stdout } = await runProgram('skylift', ['keys', 'create', keysFile]);
  return { keysFile, key: stdout.trim() };
}

/** The original has no way to take a free port: 0 switches REST off. */
async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

test('a GPU without its files ends the start by name, and other devices are no devices', async () => {
  const gpu = await runProgram('skylift', ['serve', model, '--port=0', '--device=cuda:0'], { env });
  assert.match(gpu.stderr, /^✖ SKY_ENGINE_DEVICE {2}device cuda:0 needs the CUDA provider/);
  assert.match(gpu.stderr, /Fix: {2}Put .*onnxruntime_providers_cuda/);
  assert.equal(gpu.exitCode, 4);
  const tpu = await runProgram('skylift', ['serve', model, '--device=tpu'], { env });
  assert.match(tpu.stderr, /^✖ SKY_USAGE .*device/);
});
