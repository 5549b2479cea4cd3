/** The server through tritonclient, the client of Triton and KServe in Python. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startServer, temporaryFolder } from '../e2e/harness.ts';
import { halfPlusTwo, identity } from '../support/onnx-models.ts';

const PYTHON = process.env['SKYLIFT_TEST_PYTHON'];
const skip = PYTHON === undefined && 'SKYLIFT_TEST_PYTHON names no Python with test/clients/requirements.txt';

test('tritonclient infers over HTTP and gRPC on one port, compressed or not', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const models = {
    half_plus_two: halfPlusTwo(),
    echo_int64: identity('int64'),
    echo_float16: identity('float16'),
    echo_bool: identity('bool'),
    echo_string: identity('string'),
  };
  const references = Object.entries(models).map(([name, bytes]) => {
    const file = join(folder, `${name}.onnx`);
    writeFileSync(file, bytes);
    return `${name}=${file}`;
  });
  const server = await startServer(t, ['serve', ...references, '--rest_api_port=0'], {
    env: { SKYLIFT_STORE: join(folder, 'store') },
  });
  for (const program of ['oip_http.py', 'oip_grpc.py']) {
    const args = [join(import.meta.dirname, program), server.url.replace('http://', '')];
    const { status, stderr } = spawnSync(PYTHON ?? '', args, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 0, `${program}: ${stderr}`);
  }
});
