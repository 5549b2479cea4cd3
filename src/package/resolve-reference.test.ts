import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isSkyliftError } from '../core/errors.ts';
import type { PackageStore } from './store.ts';
import { resolveReference } from './resolve-reference.ts';

const noStore = (): Promise<PackageStore> => assert.fail('the store is not needed');
const storeWith = (name: string, dir: string) => async () =>
  ({ resolve: async (wanted: string) => (assert.equal(wanted, name), { dir }) }) as unknown as PackageStore;

test('a path that exists is that path, whatever it looks like', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'skylift-find-'));
  t.after(() => rm(dir, { recursive: true }));
  const path = join(dir, 'Some Model');
  await writeFile(path, '');
  assert.equal(await resolveReference(path, noStore), path);
});

test('a name leads to its package in the store', async () => {
  assert.equal(
    await resolveReference('digits-of-the-store', storeWith('digits-of-the-store', '/s/1')),
    '/s/1',
  );
});

test('references to other places are refused by name', async () => {
  for (const text of [
    'oci://r.example/a:1',
    's3://bucket/k',
    'gs://bucket/k',
    'azblob://bucket/k',
    'hf://o/r@main',
    'npm:p/f.onnx',
    'digits-of-the-store:3',
  ])
    await assert.rejects(
      resolveReference(text, noStore),
      (error) =>
        isSkyliftError(error) && error.code === 'SKY_NOT_SUPPORTED_YET' && error.message.includes(text),
    );
});
