/** Skylift as a library, seen from a program of somebody else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { halfPlusTwo } from '../support/onnx-models.ts';
import { CHECKOUT, INSTALLED, consumerFolder, runNode } from './harness.ts';

const CONSUMER = `
import { isSkyliftError, openModel, serve, tensor } from 'skylift';

const file: string = process.argv[2] ?? '';
await using model = await openModel(file);
const outputs = await model.predict({ x: tensor('float32', [3], Float32Array.of(1, 2, 5)) }, { timeoutMs: 10_000 });
const y = outputs['y'];
if (y === undefined) throw new Error('no output y');
const values = new Float32Array(y.bytes.slice().buffer);

await using server = await serve({ models: { half: file }, http: { port: 0 } });
const response = await fetch(server.url + '/v1/models/half:predict', { method: 'POST', body: '{"instances":[1,2,5]}' });
const answer: unknown = await response.json();

let code = 'none';
try {
  await model.predict({});
} catch (error) {
  if (isSkyliftError(error)) code = error.code;
}
console.log(JSON.stringify({ values: [...values], answer, code }));
`;

test('a program opens a model, predicts, serves it, and ends by itself when both are disposed', async (t) => {
  const folder = consumerFolder(t);
  writeFileSync(join(folder, 'half.onnx'), halfPlusTwo());
  writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
  const ended = await runNode(['consumer.ts', 'half.onnx'], {
    cwd: folder,
    env: { SKYLIFT_STORE: join(folder, 'store') },
  });
  assert.equal(ended.code, 0, ended.stderr);
  assert.deepEqual(JSON.parse(ended.stdout), {
    values: [2.5, 3, 4.5],
    answer: { predictions: [2.5, 3, 4.5] },
    code: 'SKY_INPUT_UNKNOWN',
  });
});

test(
  'the published types compile in a strict program',
  { skip: INSTALLED === undefined && 'needs the installed package: SKYLIFT_E2E_INSTALLED is not set' },
  (t) => {
    const folder = consumerFolder(t);
    writeFileSync(join(folder, 'consumer.ts'), CONSUMER);
    const options = {
      noEmit: true,
      strict: true,
      module: 'nodenext',
      target: 'es2024',
      lib: ['esnext'],
      types: ['node'],
      typeRoots: [join(CHECKOUT, 'node_modules', '@types')],
    };
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: ['consumer.ts'] }),
    );
    const tsc = join(CHECKOUT, 'node_modules', '@typescript', 'native', 'bin', 'tsc');
    const compiled = spawnSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8', timeout: 60_000 });
    assert.equal(compiled.status, 0, compiled.stdout);
  },
);
