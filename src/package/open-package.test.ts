/** Opening a package by path: only what the manifest says, bit for bit. */
import assert from 'node:assert/strict';
import { chmod, link, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { describeDraft, draftFiles, openScratch } from '../../test/support/packages.ts';
import { isSkyliftError } from '../core/errors.ts';
import { seededRng } from '../core/random.ts';
import { openPackage } from './open-package.ts';
import { writePackage } from './write-package.ts';

/** A package in `<dir>/package` whose files may be changed. */
async function writeSample(dir: string): Promise<string> {
  const target = join(dir, 'package');
  await writePackage(target, await draftFiles(dir, 1, 300), describeDraft);
  for (const name of await readdir(target)) await chmod(join(target, name), 0o644);
  return target;
}

test('a whole package opens with its digest and an absolute path', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  const handle = await openPackage(join(dir, '..', 'package'));
  assert.equal(handle.dir, dir);
  assert.match(handle.digest, /^[0-9a-f]{64}$/);
  assert.deepEqual(
    handle.manifest.files.map((file) => file.path),
    ['model.onnx', 'weights-00001.bin'],
  );
});

test('every single flipped bit of a listed file is refused', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  const rng = seededRng(7);
  for (const name of ['model.onnx', 'weights-00001.bin']) {
    const whole = await readFile(join(dir, name));
    for (let round = 0; round < 200; round++) {
      const flipped = Buffer.from(whole);
      const bit = rng.u32() % (whole.length * 8);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(join(dir, name), flipped);
      await assert.rejects(
        openPackage(dir),
        { code: 'SKY_PACKAGE_DIGEST_MISMATCH' },
        `bit ${bit} of ${name}`,
      );
    }
    await writeFile(join(dir, name), whole);
  }
  await openPackage(dir);
});

test('every flipped bit of the manifest is refused or changes the digest', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  const path = join(dir, 'skylift.json');
  const whole = await readFile(path);
  const { digest } = await openPackage(dir);
  const rng = seededRng(8);
  for (let round = 0; round < 600; round++) {
    const flipped = Buffer.from(whole);
    const bit = rng.u32() % (whole.length * 8);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await writeFile(path, flipped);
    const outcome = await openPackage(dir).catch((error: unknown) => error);
    if (isSkyliftError(outcome)) assert.match(outcome.code, /^SKY_PACKAGE_(INVALID|DIGEST_MISMATCH)$/);
    else assert.notEqual((outcome as { digest: string }).digest, digest, `bit ${bit}`);
  }
});

test('a shorter, longer or missing file is refused, also when only sizes are compared', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  const path = join(dir, 'weights-00001.bin');
  const whole = await readFile(path);
  for (const bytes of [whole.subarray(1), Buffer.concat([whole, whole])]) {
    await writeFile(path, bytes);
    await assert.rejects(openPackage(dir, { verify: 'sizes' }), {
      code: 'SKY_PACKAGE_DIGEST_MISMATCH',
      message: new RegExp(`has ${bytes.length} bytes, skylift\\.json says 300`),
    });
  }
  await rm(path);
  await assert.rejects(openPackage(dir, { verify: 'sizes' }), {
    code: 'SKY_PACKAGE_INVALID',
    message: /weights-00001\.bin is missing/,
  });
});

test('comparing sizes reads no weights', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  await writeFile(join(dir, 'weights-00001.bin'), new Uint8Array(300));
  assert.equal((await openPackage(dir, { verify: 'sizes' })).manifest.files.length, 2);
});

test('links of both kinds are refused, for weights and manifest alike', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  for (const name of ['weights-00001.bin', 'skylift.json']) {
    const outside = join(scratch.dir, `outside-${name}`);
    await link(join(dir, name), outside);
    await assert.rejects(openPackage(dir), { code: 'SKY_PACKAGE_INVALID', message: /has 2 hard links/ });
    await rm(join(dir, name));
    await symlink(outside, join(dir, name));
    await assert.rejects(openPackage(dir), { code: 'SKY_PACKAGE_INVALID', message: /is a symbolic link/ });
    await rm(join(dir, name));
    await rename(outside, join(dir, name));
  }
  await openPackage(dir);
});

test('files that the manifest does not list do not matter', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  await writeFile(join(dir, 'README.md'), 'hello');
  await openPackage(dir);
});

test('a folder without skylift.json is no package', async () => {
  await using scratch = await openScratch();
  await assert.rejects(openPackage(scratch.dir), {
    code: 'SKY_MODEL_NOT_FOUND',
    message: /no file .*skylift\.json/,
  });
  await assert.rejects(openPackage(join(scratch.dir, 'absent')), { code: 'SKY_MODEL_NOT_FOUND' });
});

test('a manifest beyond its size limit is refused without being read', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  await writeFile(join(dir, 'skylift.json'), new Uint8Array(17 * 1024 * 1024));
  await assert.rejects(openPackage(dir), { code: 'SKY_PACKAGE_INVALID', message: /max_manifest_bytes/ });
});

test('hashing stops when it is cancelled', async () => {
  await using scratch = await openScratch();
  const dir = await writeSample(scratch.dir);
  await assert.rejects(openPackage(dir, { signal: AbortSignal.abort() }), { code: 'SKY_CANCELLED' });
});
