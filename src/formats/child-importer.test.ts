import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { halfPlusTwo } from '../../test/support/onnx-models.ts';
import { resolveLimits } from '../core/limits.ts';
import { ChildImporter } from './child-importer.ts';
import type { ChildImporterOptions } from './child-importer.ts';

function setUp(t: TestContext, options: Partial<ChildImporterOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'skylift-child-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'm.onnx');
  writeFileSync(path, halfPlusTwo());
  const defaults = { storeDir: join(folder, 'store'), tool: 'skylift test', limits: resolveLimits() };
  return { folder, path, importer: new ChildImporter({ ...defaults, ...options }) };
}

/** A module that runs as the import process instead of the real one. */
function entryOf(t: TestContext, code: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'skylift-entry-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'entry.mjs');
  writeFileSync(path, code);
  return path;
}

test('a model is imported by another process, and once only', async (t) => {
  const { importer, path, folder } = setUp(t);
  const first = await importer.import(path);
  assert.equal(first.manifest.engine, 'onnx');
  assert.ok(first.dir.startsWith(join(folder, 'store')));
  assert.equal((await importer.import(path)).digest, first.digest);
});

test('an error of the process arrives with its code, message and hint', async (t) => {
  const { importer, path } = setUp(t);
  writeFileSync(path, 'GGUF....');
  await assert.rejects(importer.import(path), {
    name: 'SkyliftError',
    code: 'SKY_MODEL_FORMAT_UNKNOWN',
    message: /looks like a GGUF model/,
    hint: /skylift\.json/,
  });
});

test('limits reach the process', async (t) => {
  const { importer, path } = setUp(t, { limits: resolveLimits({ max_onnx_nodes: 1 }) });
  await assert.rejects(importer.import(path), { code: 'SKY_ONNX_LIMIT', message: /max_onnx_nodes = 1/ });
});

test('an import that takes too long is ended', async (t) => {
  const entry = entryOf(t, 'setInterval(() => {}, 1000);');
  const { importer, path } = setUp(t, { entry, limits: resolveLimits({ import_limit_ms: 1 }) });
  await assert.rejects(importer.import(path), {
    code: 'SKY_IMPORT_TIMEOUT',
    message: /m\.onnx took longer than 1\.00 ms/,
  });
});

test('an aborted import is cancelled and its process is ended', async (t) => {
  const { importer, path } = setUp(t, { entry: entryOf(t, 'setInterval(() => {}, 1000);') });
  const controller = new AbortController();
  const running = importer.import(path, controller.signal);
  controller.abort();
  await assert.rejects(running, { code: 'SKY_CANCELLED' });
});

test('an import that is aborted before it starts starts no process', async (t) => {
  const { importer, path } = setUp(t, { entry: '/nowhere.mjs' });
  await assert.rejects(importer.import(path, AbortSignal.abort()), { code: 'SKY_CANCELLED' });
});

test('a process that dies is reported with how it ended and what it said', async (t) => {
  const entry = entryOf(
    t,
    `process.stderr.write('out of luck', () => process.kill(process.pid, 'SIGSEGV'));`,
  );
  const { importer, path } = setUp(t, { entry });
  await assert.rejects(importer.import(path), {
    code: 'SKY_IMPORT_FAILED',
    message: /ended with SIG/,
    details: { stderrTail: 'out of luck' },
  });
});

test('output that is no outcome is an error, however much there is of it', async (t) => {
  for (const code of [
    '',
    `console.log('{}');`,
    `console.log('nonsense');`,
    `console.log('x'.repeat(1e6));`,
  ]) {
    const { importer, path } = setUp(t, { entry: entryOf(t, code) });
    await assert.rejects(importer.import(path), { code: 'SKY_IMPORT_FAILED' });
  }
});
