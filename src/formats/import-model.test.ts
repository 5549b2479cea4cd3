import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { externalMatMul, halfPlusTwo, identity } from '../../test/support/onnx-models.ts';
import { resolveLimits } from '../core/limits.ts';
import { PackageStore } from '../package/store.ts';
import { importInto, importModel } from './import-model.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'skylift-import-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

const source = (path: string) => ({ path, tool: 'skylift test', limits: resolveLimits() });
const sha256 = (bytes: Uint8Array | string) => createHash('sha256').update(bytes).digest('hex');

async function openStore(t: TestContext): Promise<PackageStore> {
  return PackageStore.open(join(folder(t), 'store'));
}

test('a model becomes a package with its own bytes, its signature and where it came from', async (t) => {
  const path = join(folder(t), 'half plus two.onnx');
  writeFileSync(path, halfPlusTwo());
  const { dir, manifest } = await importInto(await openStore(t), source(path));
  assert.deepEqual(readFileSync(join(dir, 'model.onnx')), Buffer.from(halfPlusTwo()));
  assert.equal(manifest.signatures['serving_default']?.inputs[0]?.name, 'x');
  const [stage] = manifest.lineage;
  assert.equal(stage?.source, 'half plus two.onnx');
  assert.equal(stage.tool, 'skylift test');
  assert.equal(stage.sourceSha256, sha256(halfPlusTwo()));
});

test('external files come along under their names', async (t) => {
  const from = folder(t);
  const { model, weights } = externalMatMul({ width: 4, outputWidth: 2 }, 'my.weights_1');
  writeFileSync(join(from, 'm.onnx'), model);
  writeFileSync(join(from, 'my.weights_1'), weights);
  const { dir, manifest } = await importInto(await openStore(t), source(join(from, 'm.onnx')));
  assert.deepEqual(
    manifest.files.map((file) => [file.path, file.role]),
    [
      ['model.onnx', 'graph'],
      ['my.weights_1', 'weights'],
    ],
  );
  assert.deepEqual(readFileSync(join(dir, 'my.weights_1')), Buffer.from(weights));
  const listing = `${sha256(model)}  model.onnx\n${sha256(weights)}  my.weights_1\n`;
  assert.equal(manifest.lineage[0]?.sourceSha256, sha256(listing));
});

test('the same bytes are imported once, whatever the file is called', async (t) => {
  const from = folder(t);
  const store = await openStore(t);
  writeFileSync(join(from, 'a.onnx'), halfPlusTwo());
  writeFileSync(join(from, 'b.onnx'), halfPlusTwo());
  const first = await importInto(store, source(join(from, 'a.onnx')));
  const second = await importInto(store, source(join(from, 'b.onnx')));
  assert.equal(second.digest, first.digest);
  assert.equal((await store.list()).length, 1);
});

test('other weights beside the same graph are another package', async (t) => {
  const from = folder(t);
  const store = await openStore(t);
  const { model, weights } = externalMatMul({ width: 4, outputWidth: 2 });
  writeFileSync(join(from, 'm.onnx'), model);
  const digests = [];
  for (const fill of [1, 2]) {
    writeFileSync(
      join(from, 'weights.bin'),
      weights.map(() => fill),
    );
    digests.push((await importInto(store, source(join(from, 'm.onnx')))).digest);
  }
  assert.notEqual(digests[0], digests[1]);
});

test('a link to a model is followed, as in the cache of a model hub', async (t) => {
  const from = folder(t);
  writeFileSync(join(from, 'blob'), halfPlusTwo());
  symlinkSync('blob', join(from, 'model.onnx'));
  const { manifest } = await importInto(await openStore(t), source(join(from, 'model.onnx')));
  assert.equal(manifest.files[0]?.sizeBytes, halfPlusTwo().length);
});

test('the copied bytes are what is judged: a model swapped after the first look is described as it is', async (t) => {
  const path = join(folder(t), 'm.onnx');
  const store = await openStore(t);
  writeFileSync(path, halfPlusTwo());
  const swapped = importModel(source(path));
  writeFileSync(path, identity('int32'));
  const { manifest } = await store.publish(swapped.files, swapped.describe);
  assert.equal(manifest.signatures['serving_default']?.inputs[0]?.dtype, 'int32');
  assert.equal(manifest.lineage[0]?.sourceSha256, sha256(identity('int32')));
});

test('a model that is swapped for a bad one while it is copied leaves nothing in the store', async (t) => {
  const path = join(folder(t), 'm.onnx');
  const store = await openStore(t);
  writeFileSync(path, halfPlusTwo());
  const swapped = importModel(source(path));
  writeFileSync(path, externalMatMul({ width: 1, outputWidth: 1 }, 'store.lock').model);
  await assert.rejects(store.publish(swapped.files, swapped.describe), { code: 'SKY_ONNX_EXTERNAL_DATA' });
  assert.deepEqual(await store.list(), []);
});

test('weights that the swapped model does not name any more are noticed', async (t) => {
  const from = folder(t);
  const store = await openStore(t);
  const { model, weights } = externalMatMul({ width: 1, outputWidth: 1 });
  writeFileSync(join(from, 'm.onnx'), model);
  writeFileSync(join(from, 'weights.bin'), weights);
  const swapped = importModel(source(join(from, 'm.onnx')));
  writeFileSync(join(from, 'm.onnx'), halfPlusTwo());
  await assert.rejects(store.publish(swapped.files, swapped.describe), {
    code: 'SKY_PACKAGE_DIGEST_MISMATCH',
  });
});

test('a broken model is refused before anything is copied', async (t) => {
  const path = join(folder(t), 'm.onnx');
  const store = await openStore(t);
  writeFileSync(path, halfPlusTwo().subarray(0, 60));
  await assert.rejects(importInto(store, source(path)), { code: 'SKY_ONNX_MALFORMED' });
  assert.deepEqual(await store.list(), []);
});

test('external data must not take the names that packages use', (t) => {
  const from = folder(t);
  for (const name of ['model.onnx', 'skylift.json', 'SKYLIFT.JSON']) {
    const { model, weights } = externalMatMul({ width: 1, outputWidth: 1 }, name);
    writeFileSync(join(from, 'graph.onnx'), model);
    writeFileSync(join(from, name), weights);
    assert.throws(() => importModel(source(join(from, 'graph.onnx'))), { code: 'SKY_ONNX_EXTERNAL_DATA' });
  }
});
