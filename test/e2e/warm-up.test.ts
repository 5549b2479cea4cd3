/** Recorded requests are run before a version answers, through the real command line. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { halfPlusTwo } from '../support/onnx-models.ts';
import { predictLog, tfRecordFile } from '../support/warm-up-file.ts';
import { freePort, skylift, startServer, temporaryFolder } from './harness.ts';

function modelWith(folder: string, file: Buffer): string {
  const extra = join(folder, 'm', '1', 'assets.extra');
  mkdirSync(extra, { recursive: true });
  writeFileSync(join(folder, 'm', '1', 'model.onnx'), halfPlusTwo());
  writeFileSync(join(extra, 'tf_serving_warmup_requests'), file);
  return join(folder, 'm');
}

test('recorded requests are run and counted, and switched off by the flag of the original', async (t) => {
  const folder = temporaryFolder(t);
  const records = [1, 2, 3].map((rows) =>
    predictLog({ inputs: { x: Array.from({ length: rows }, () => 1) } }),
  );
  const base = modelWith(folder, tfRecordFile(records));
  const options = {
    program: 'tensorflow_model_server',
    env: { SKYLIFT_STORE: join(folder, 'store') },
  } as const;
  const args = async (): Promise<string[]> => [
    `--rest_api_port=${await freePort()}`,
    '--port=0',
    `--model_base_path=${base}`,
  ];
  const server = await startServer(t, await args(), options);
  assert.match(
    server.said(),
    /Finished reading warmup data for model at .* Number of warmup records read: 3\./,
  );
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^:tensorflow:serving:model_warmup_records_read\{.*\} 3$/m);
  assert.match(metrics, /^:tensorflow:serving:model_warmup_latency_count\{.*\} 1$/m);
  await server.stop();

  const without = await startServer(t, [...(await args()), '--enable_model_warmup=false'], options);
  assert.doesNotMatch(without.said(), /warmup/);
  await without.stop();
});

test('a recorded request that fails is the failure of its version', async (t) => {
  const folder = temporaryFolder(t);
  for (const [file, words] of [
    [tfRecordFile([predictLog({ inputs: { wrong: [1] } })]), /SKY_INPUT_UNKNOWN .*record 0: /],
    [Buffer.from('no records at all'), /SKY_WARMUP_INVALID .*verify your warmup data is in TFRecord format/],
  ] as const) {
    const base = modelWith(folder, file);
    const result = await skylift(['serve', base, '--port=0'], {
      env: { SKYLIFT_STORE: join(folder, 'store') },
    });
    assert.notEqual(result.code, 0);
    assert.match(result.stderr, words);
  }
});
