import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { tinyGraph } from './doctor/tiny-graph.ts';
import { runProgram, startProgram } from '../../test/support/started-program.ts';

const ANSWER = { outputs: [-1.5, 2] };
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

test('an old Node gets one line and exit code 2', async () => {
  const pretend = 'data:text/javascript,Object.defineProperty(process,"versions",{value:{node:"20.1.0"}})';
  for (const program of ['skylift', 'tensorflow_model_server'] as const) {
    const { exitCode, stdout, stderr } = await runProgram(program, ['version'], {
      nodeFlags: ['--import', pretend],
    });
    assert.deepEqual([exitCode, stdout], [2, '']);
    assert.match(stderr, /^Skylift needs Node\.js >= 24; this is 20\.1\.0\..*\n$/);
  }
});

test('a reader that goes away ends the program quietly', async () => {
  const child = startProgram('skylift', ['completion', 'fish']);
  child.stdout.destroy(); // before Node is even up
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')]);
  assert.deepEqual([child.exitCode, stderr], [0, '']);
});

test('an import makes a package whose folder is the result', async () => {
  const out = join(dir, 'versions', '7');
  const { exitCode, stdout } = await runProgram('skylift', ['import', model, '--out', out], { env });
  assert.deepEqual([exitCode, stdout], [0, `${out}\n`]);
  const inspected = await runProgram('skylift', ['inspect', join(dir, 'versions'), '--json'], { env });
  const report = JSON.parse(inspected.stdout) as { kind: string; version: string; signatures: object };
  assert.deepEqual(
    [report.kind, report.version, Object.keys(report.signatures)],
    ['package', '7', ['serving_default']],
  );
});

test('a prediction of a file is the answer and nothing else', async () => {
  const { exitCode, stdout } = await runProgram('skylift', ['predict', model, '--input', INPUT], { env });
  assert.equal(exitCode, 0);
  assert.deepEqual(JSON.parse(stdout), ANSWER);
});

test('bench counts every request and says what one costs', async () => {
  const args = ['bench', model, '--duration=0.2', '--warmup=0.1', '--connections=2', '--json'];
  const { exitCode, stdout } = await runProgram('skylift', args, { env });
  const report = JSON.parse(stdout) as { requests: number; failed: number; ends: { ok: number } };
  assert.equal(exitCode, 0);
  assert.ok(report.requests > 0);
  assert.deepEqual([report.failed, report.ends.ok], [0, report.requests]);
});

test('doctor finds this machine fit', async () => {
  const { exitCode, stdout } = await runProgram('skylift', ['doctor', '--json'], { env });
  const { isFit, checks } = JSON.parse(stdout) as {
    isFit: boolean;
    checks: { name: string; isGood: boolean }[];
  };
  assert.deepEqual([exitCode, isFit], [0, true], stdout);
  for (const name of ['engine', 'packed weights'])
    assert.ok(
      checks.some((check) => check.name === name && check.isGood),
      name,
    );
});

test('doctor fails where nothing can be stored', async () => {
  const store = { SKYLIFT_STORE: join(model, 'store') }; // below a file
  const { exitCode, stdout } = await runProgram('skylift', ['doctor', '--json'], { env: store });
  const { isFit } = JSON.parse(stdout) as { isFit: boolean };
  assert.deepEqual([exitCode, isFit], [1, false], stdout);
});
