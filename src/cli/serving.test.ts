import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { tinyGraph } from './doctor/tiny-graph.ts';
import { runProgram, startProgram, waitForText } from '../../test/support/started-program.ts';

const ANSWER = { outputs: [-1.5, 2] };
const QUICK = '--warmup_budget_ms=10';
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
  server.kill('SIGTERM');
  assert.deepEqual(await once(server, 'exit'), [0, null]);
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
