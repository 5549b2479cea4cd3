/** The store: what is published comes back whole, once, under its digest and its names. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeDraft, draftFiles, openScratch } from '../../test/support/packages.ts';
import { SkyliftError } from '../core/errors.ts';
import { tryLock } from './file-lock.ts';
import { openPackage } from './open-package.ts';
import { PackageStore, defaultStoreDir } from './store.ts';
import { writePackage } from './write-package.ts';

const SOURCE = '5'.repeat(64);

/** Overwrites a read-only file in place. */
async function damage(path: string, text = 'damaged'): Promise<void> {
  await chmod(path, 0o644);
  await writeFile(path, text);
}

test('a published package has the bytes of its sources, read-only, under the digest of its manifest', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const drafts = await draftFiles(scratch.dir, 1);
  const handle = await store.publish(drafts, describeDraft);
  assert.equal(handle.dir, join(store.dir, 'trees', handle.digest));
  assert.deepEqual(await openPackage(handle.dir), handle);
  for (const { from, path } of drafts)
    assert.deepEqual(await readFile(join(handle.dir, path)), await readFile(from));
  assert.equal((await stat(join(handle.dir, 'model.onnx'))).mode & 0o777, 0o444);
  assert.deepEqual(await readdir(join(store.dir, 'tmp')), []);
});

test('a change of the source after publishing does not reach the package', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const drafts = await draftFiles(scratch.dir, 1);
  await link(join(scratch.dir, 'graph-1'), join(scratch.dir, 'second-name'));
  const handle = await store.publish(drafts, describeDraft);
  await writeFile(join(scratch.dir, 'second-name'), 'changed');
  assert.deepEqual((await openPackage(handle.dir)).digest, handle.digest);
});

test('the same content is stored once', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const drafts = await draftFiles(scratch.dir, 1);
  const [first, second] = await Promise.all([
    store.publish(drafts, describeDraft),
    store.publish(drafts.toReversed(), describeDraft),
  ]);
  assert.deepEqual(first, second);
  assert.deepEqual(await store.list(), [{ digest: first.digest, names: [] }]);
});

test('a damaged package is refused, found by verify, and mended by publishing it again', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const drafts = await draftFiles(scratch.dir, 1);
  const { dir, digest } = await store.publish(drafts, describeDraft);
  await store.setRef('digits', digest);
  await store.recordImport(SOURCE, digest);
  await damage(join(dir, 'model.onnx'), 'GRAPH 1');
  await assert.rejects(store.resolve('digits'), { code: 'SKY_PACKAGE_DIGEST_MISMATCH' });
  assert.equal(await store.findImport(SOURCE), undefined);
  assert.match((await store.verify()).problems[0]?.problem ?? '', /model\.onnx has sha256/);
  await store.publish(drafts, describeDraft);
  assert.equal((await store.findImport(SOURCE))?.digest, digest);
  assert.deepEqual((await store.verify()).problems, []);
  assert.deepEqual(await readdir(join(store.dir, 'tmp')), []);
});

test('a damaged manifest is refused even when only sizes are compared', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const { dir, digest } = await store.publish(await draftFiles(scratch.dir, 1), describeDraft);
  await store.setRef('digits', digest);
  const manifest = join(dir, 'skylift.json');
  await damage(manifest, (await readFile(manifest, 'utf8')).replace('"none"', '"nonE"'));
  await assert.rejects(store.resolve('digits', { verify: 'sizes' }), { code: 'SKY_PACKAGE_DIGEST_MISMATCH' });
});

test('describe sees the copies with their digests, and its error leaves nothing behind', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const refusal = new SkyliftError('SKY_ONNX_MALFORMED', 'bad graph');
  const publishing = store.publish(await draftFiles(scratch.dir, 1), async (dir, files) => {
    assert.equal(await readFile(join(dir, 'model.onnx'), 'utf8'), 'graph 1');
    assert.equal(files[1]?.sizeBytes, 4096);
    throw refusal;
  });
  await assert.rejects(publishing, refusal);
  assert.deepEqual(await readdir(join(store.dir, 'tmp')), []);
  assert.deepEqual(await store.list(), []);
});

test('a manifest that breaks the rules is not published', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const publishing = store.publish(await draftFiles(scratch.dir, 1), async (dir, files) => ({
    ...(await describeDraft(dir, files)),
    programs: {},
  }));
  await assert.rejects(publishing, { code: 'SKY_PACKAGE_INVALID', message: /there is no such program/ });
  assert.deepEqual(await store.list(), []);
});

test('a file in the place of the store, or above it, is said to be one', async () => {
  await using scratch = await openScratch();
  const path = join(scratch.dir, 'file');
  await writeFile(path, '');
  const hint = /^Choose a folder .*SKYLIFT_STORE=DIR/;
  const refused = (message: RegExp) => ({ code: 'SKY_STORE_IO', message, hint });
  await assert.rejects(PackageStore.open(path), refused(/file, but that is a file$/));
  await assert.rejects(PackageStore.open(join(path, 'a')), refused(/a, but a part of that path is a file$/));
});

test('sources that are no regular files, or not there, are refused', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const [graph] = await draftFiles(scratch.dir, 1);
  assert.ok(graph);
  await symlink(graph.from, join(scratch.dir, 'link'));
  await mkdir(join(scratch.dir, 'folder'));
  execFileSync('mkfifo', [join(scratch.dir, 'pipe')]);
  const publishFrom = (name: string) =>
    store.publish([{ ...graph, from: join(scratch.dir, name) }], describeDraft);
  await assert.rejects(publishFrom('link'), { code: 'SKY_PACKAGE_INVALID', message: /a symbolic link/ });
  await assert.rejects(publishFrom('folder'), { code: 'SKY_PACKAGE_INVALID', message: /a folder/ });
  await assert.rejects(publishFrom('pipe'), { code: 'SKY_PACKAGE_INVALID', message: /a device or pipe/ });
  await assert.rejects(publishFrom('absent'), { code: 'SKY_MODEL_NOT_FOUND' });
});

test('names with a path in them and names given twice are refused before anything is written', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const [graph] = await draftFiles(scratch.dir, 1);
  assert.ok(graph);
  for (const path of ['../../refs/x', 'skylift.json', '/etc/x', ''])
    await assert.rejects(store.publish([{ ...graph, path }], describeDraft), { code: 'SKY_PACKAGE_INVALID' });
  const twice = store.publish([graph, { ...graph, path: 'MODEL.onnx' }], describeDraft);
  await assert.rejects(twice, { code: 'SKY_PACKAGE_INVALID', message: /"MODEL\.onnx"/ });
});

test('files beyond max_artifact_bytes together are refused', async () => {
  await using scratch = await openScratch();
  const limits = { max_artifact_bytes: 4096 + 6 };
  const store = await PackageStore.open(join(scratch.dir, 'store'), undefined, { limits });
  await assert.rejects(store.publish(await draftFiles(scratch.dir, 1), describeDraft), {
    code: 'SKY_PACKAGE_TOO_LARGE',
    message: /weights-1 has 4\.0 KiB/,
  });
});

test('a cancelled publication leaves nothing behind', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const controller = new AbortController();
  const publishing = store.publish(
    await draftFiles(scratch.dir, 1),
    async (dir, files) => {
      controller.abort();
      return describeDraft(dir, files);
    },
    controller.signal,
  );
  await assert.rejects(publishing, { code: 'SKY_CANCELLED' });
  assert.deepEqual(await store.list(), []);
  assert.deepEqual(await readdir(join(store.dir, 'tmp')), []);
});

test('names lead to packages, may be moved, and never to a package that is not there', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const first = await store.publish(await draftFiles(scratch.dir, 1), describeDraft);
  const second = await store.publish(await draftFiles(scratch.dir, 2), describeDraft);
  await store.setRef('digits', first.digest);
  await store.setRef('digits', second.digest);
  await store.setRef('alias', second.digest);
  assert.equal((await store.resolve('digits')).digest, second.digest);
  assert.deepEqual((await store.list()).find(({ digest }) => digest === second.digest)?.names, [
    'alias',
    'digits',
  ]);
  await assert.rejects(store.setRef('digits', '0'.repeat(64)), { code: 'SKY_MODEL_NOT_FOUND' });
  await assert.rejects(store.setRef('../x', first.digest), { code: 'SKY_REF_INVALID' });
  await assert.rejects(store.setRef('x', '../trees'), { code: 'SKY_REF_INVALID' });
  await assert.rejects(store.resolve('other'), { code: 'SKY_MODEL_NOT_FOUND', message: /no model "other"/ });
});

test('an import is found by the digest of its source', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  assert.equal(await store.findImport(SOURCE), undefined);
  const handle = await store.publish(await draftFiles(scratch.dir, 1), describeDraft);
  await store.recordImport(SOURCE, handle.digest);
  assert.deepEqual(await (await PackageStore.open(store.dir)).findImport(SOURCE), handle);
  await assert.rejects(store.findImport('../refs/x'), { code: 'SKY_REF_INVALID' });
});

test('verify names damaged records, dangling pointers and strangers', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const { digest } = await store.publish(await draftFiles(scratch.dir, 1), describeDraft);
  await store.setRef('whole', digest);
  await writeFile(join(store.dir, 'refs', 'torn'), digest.slice(0, 30));
  await writeFile(join(store.dir, 'imports', SOURCE), `${'0'.repeat(64)}\n`);
  await writeFile(join(store.dir, 'tmp', 'stray'), '');
  await mkdir(join(store.dir, 'trees', 'stranger'));
  const report = await store.verify();
  assert.deepEqual(report.problems.map(({ kind, name }) => `${kind} ${name}`).sort(), [
    `import ${SOURCE}`,
    'orphan stray',
    'package stranger',
    'ref torn',
  ]);
  await assert.rejects(store.resolve('torn'), { code: 'SKY_MODEL_NOT_FOUND' });
});

test('a package from outside is adopted as a copy that later changes do not reach', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const outside = join(scratch.dir, 'outside');
  const written = await writePackage(outside, await draftFiles(scratch.dir, 1), describeDraft);
  const adopted = await store.adopt(outside);
  assert.equal(adopted.digest, written.digest);
  assert.deepEqual((await store.verify()).problems, []);
  await damage(join(outside, 'weights-00001.bin'));
  assert.deepEqual(await store.adopt(outside), adopted, 'nothing is copied again');
  assert.deepEqual(await openPackage(adopted.dir), adopted);
});

test('a package from outside that is not what its manifest says is not adopted', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const outside = join(scratch.dir, 'outside');
  await writePackage(outside, await draftFiles(scratch.dir, 1), describeDraft);
  await damage(join(outside, 'model.onnx'), 'GRAPH 1');
  await assert.rejects(store.adopt(outside), { code: 'SKY_PACKAGE_DIGEST_MISMATCH' });
  await rm(join(outside, 'model.onnx'));
  await assert.rejects(store.adopt(outside), {
    code: 'SKY_PACKAGE_INVALID',
    message: /model\.onnx is missing/,
  });
  await assert.rejects(store.adopt(join(scratch.dir, 'absent')), { code: 'SKY_MODEL_NOT_FOUND' });
  assert.deepEqual(await store.list(), []);
});

test('opening removes what has no living owner and spares what has one', async () => {
  await using scratch = await openScratch();
  const store = await PackageStore.open(join(scratch.dir, 'store'));
  const tmp = join(store.dir, 'tmp');
  for (const name of ['staging-dead', 'staging-bare', 'staging-living']) await mkdir(join(tmp, name));
  await writeFile(join(tmp, 'staging-dead.lease'), '');
  const lease = tryLock(join(tmp, 'staging-living.lease'));
  await PackageStore.open(store.dir);
  assert.deepEqual((await readdir(tmp)).sort(), ['staging-living', 'staging-living.lease']);
  lease?.release();
  await PackageStore.open(store.dir);
  assert.deepEqual(await readdir(tmp), []);
});

test('a store that another process holds is waited for, then refused', async () => {
  await using scratch = await openScratch();
  const dir = join(scratch.dir, 'store');
  await PackageStore.open(dir);
  const lock = tryLock(join(dir, 'lock'));
  const pauses: number[] = [];
  const pause = async (durationMs: number) => void pauses.push(durationMs);
  const refused = PackageStore.open(dir, undefined, { limits: { store_lock_wait_ms: 1000 }, pause });
  await assert.rejects(refused, { code: 'SKY_STORE_LOCKED', message: /for 1\.00 s/ });
  const waitedMs = pauses.reduce((sum, each) => sum + each, 0);
  assert.ok(waitedMs >= 1000 && waitedMs <= 1050, String(waitedMs));
  await PackageStore.open(dir, undefined, { pause: async () => lock?.release() });
});

test('a store that others may write to is refused', { skip: process.platform === 'win32' }, async () => {
  await using scratch = await openScratch();
  const dir = join(scratch.dir, 'store');
  await mkdir(dir);
  await chmod(dir, 0o775);
  await assert.rejects(PackageStore.open(dir), { code: 'SKY_STORE_UNSAFE', message: /mode 775/ });
});

test('a store that cannot be made is a coded error', async () => {
  await using scratch = await openScratch();
  await writeFile(join(scratch.dir, 'file'), '');
  await assert.rejects(PackageStore.open(join(scratch.dir, 'file')), { code: 'SKY_STORE_IO' });
});

test('the default place follows SKYLIFT_STORE, then XDG, then the home folder', () => {
  assert.equal(defaultStoreDir({ SKYLIFT_STORE: '/a', XDG_DATA_HOME: '/b' }, '/home/u'), '/a');
  assert.equal(defaultStoreDir({ XDG_DATA_HOME: '/b' }, '/home/u'), '/b/skylift/store');
  assert.equal(
    defaultStoreDir({ XDG_DATA_HOME: 'relative' }, '/home/u'),
    '/home/u/.local/share/skylift/store',
  );
  assert.equal(defaultStoreDir({ SKYLIFT_STORE: '' }, '/home/u'), '/home/u/.local/share/skylift/store');
});
