/** The cache of packed forms on a disk that fails, with files that are damaged, and with neighbours that do the same. */
import assert from 'node:assert/strict';
import { open, readFile, readdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { FaultyFiles } from '../../../test/support/faulty-files.ts';
import { MANIFEST, openScratch } from '../../../test/support/packages.ts';
import { SkyliftError } from '../../core/errors.ts';
import { resolveLimits } from '../../core/limits.ts';
import type { Limits } from '../../core/limits.ts';
import type { FilePort } from '../../package/file-port.ts';
import { diskFiles } from '../../package/file-port.ts';
import type { PackageHandle } from '../../package/manifest.ts';
import { WeightCache } from './weight-cache.ts';

const NEVER = new AbortController().signal;
const WEIGHTS = 'model.bin';

/** A package whose weights are told apart by `variant`. */
function pkgOf(variant: number): PackageHandle {
  const sha256 = String(variant).padStart(64, '0');
  const files = MANIFEST.files.map((file) => ({ ...file, sha256 }));
  return { dir: '', digest: sha256, manifest: { ...MANIFEST, files } };
}

interface Setup {
  readonly limits?: Partial<Limits>;
  readonly files?: FilePort;
  readonly trait?: string;
}

/** A cache whose packed form is a graph and weights of 1000 bytes; `log` collects what it says. */
function cacheIn(dir: string, { limits = {}, files, trait = 'x64' }: Setup = {}) {
  const log: string[] = [];
  const cache = new WeightCache({
    dir: join(dir, 'packed'),
    packing: {
      traits: [trait],
      files: () => [
        { path: 'model.onnx', role: 'graph' },
        { path: WEIGHTS, role: 'weights' },
      ],
    },
    limits: resolveLimits({ weight_cache_min_bytes: 0, ...limits }),
    log: (level, message) => void log.push(`${level} ${message}`),
    ...(files && { files }),
  });
  return { cache, log };
}

const write = (fill: number) => async (dir: string) => {
  await writeFile(join(dir, 'model.onnx'), `graph ${fill}`);
  await writeFile(join(dir, WEIGHTS), Buffer.alloc(1000, fill));
};
const mustNotWrite = async (): Promise<void> => assert.fail('there is a packed form already');

async function built(cache: WeightCache, variant: number): Promise<string> {
  const dir = await cache.build(pkgOf(variant), write(variant), NEVER);
  assert.ok(dir);
  return dir;
}

test('what was built is found, also by the next process, and by nobody on another machine', async () => {
  await using scratch = await openScratch();
  const { cache, log } = cacheIn(scratch.dir);
  assert.equal(await cache.find(pkgOf(1)), undefined);
  const dir = await built(cache, 1);
  assert.equal(await cache.find(pkgOf(1)), dir);
  assert.equal(await cache.find(pkgOf(2)), undefined);
  assert.deepEqual((await readFile(join(dir, WEIGHTS))).length, 1000);
  const next = cacheIn(scratch.dir);
  assert.equal(await next.cache.find(pkgOf(1)), dir);
  assert.equal(await next.cache.build(pkgOf(1), mustNotWrite, NEVER), dir);
  assert.equal(await cacheIn(scratch.dir, { trait: 'arm64' }).cache.find(pkgOf(1)), undefined);
  assert.deepEqual([...log, ...next.log], ['info weights are packed: engines of this machine share them']);
});

test('small models and a cache without room leave no trace on the disk', async () => {
  await using scratch = await openScratch();
  for (const limits of [{ weight_cache_min_bytes: 1e6 }, { weight_cache_bytes: 0 }]) {
    const { cache, log } = cacheIn(scratch.dir, { limits });
    assert.equal(await cache.build(pkgOf(1), mustNotWrite, NEVER), undefined);
    assert.equal(await cache.find(pkgOf(1)), undefined);
    assert.deepEqual(log, []);
  }
  assert.deepEqual(await readdir(scratch.dir), []);
});

test('two that build the same at a time build it once', async () => {
  await using scratch = await openScratch();
  let writes = 0;
  const counted = async (dir: string): Promise<void> => {
    writes++;
    await write(1)(dir);
  };
  const caches = [cacheIn(scratch.dir), cacheIn(scratch.dir), cacheIn(scratch.dir)];
  const dirs = await Promise.all(caches.map(({ cache }) => cache.build(pkgOf(1), counted, NEVER)));
  assert.equal(writes, 1);
  assert.ok(dirs[0]);
  assert.equal(new Set(dirs).size, 1);
});

test('a build that fails is told once, leaves nothing, and is not tried again before the next start', async () => {
  await using scratch = await openScratch();
  const { cache, log } = cacheIn(scratch.dir);
  const failing = async (dir: string): Promise<void> => {
    await write(1)(dir);
    throw new SkyliftError('SKY_ENGINE_LOST', 'signal SIGKILL');
  };
  assert.equal(await cache.build(pkgOf(1), failing, NEVER), undefined);
  assert.equal(await cache.build(pkgOf(1), mustNotWrite, NEVER), undefined);
  assert.deepEqual(log, [
    'warn the packed form of a model could not be made: its engines do not share weights',
  ]);
  assert.deepEqual(await readdir(join(scratch.dir, 'packed', 'tmp')), []);
  await built(cacheIn(scratch.dir).cache, 1);
});

test('a build that is cancelled is no failure', async () => {
  await using scratch = await openScratch();
  const { cache, log } = cacheIn(scratch.dir);
  const cancelled = AbortSignal.abort();
  assert.equal(await cache.build(pkgOf(1), write(1), cancelled), undefined);
  assert.deepEqual(log, []);
  await built(cache, 1);
});

test('whoever waits for another build can be cancelled', async () => {
  await using scratch = await openScratch();
  const inside = Promise.withResolvers<void>();
  const goOn = Promise.withResolvers<void>();
  const first = cacheIn(scratch.dir).cache.build(
    pkgOf(1),
    async (dir) => {
      inside.resolve();
      await goOn.promise;
      await write(1)(dir);
    },
    NEVER,
  );
  await inside.promise;
  const closing = new AbortController();
  const second = cacheIn(scratch.dir).cache.build(pkgOf(2), mustNotWrite, closing.signal);
  closing.abort();
  assert.equal(await second, undefined);
  goOn.resolve();
  assert.ok(await first);
});

test('weights that were cut off are never used, said once, and made again', async () => {
  await using scratch = await openScratch();
  const { cache, log } = cacheIn(scratch.dir);
  const dir = await built(cache, 1);
  log.length = 0;
  await truncate(join(dir, WEIGHTS), 600);
  assert.equal(await cache.find(pkgOf(1)), undefined, 'sizes are compared on every load');
  assert.equal(await cache.find(pkgOf(1)), undefined);
  assert.deepEqual(log, ['warn the packed form of a model is not used: its engines do not share weights']);
  assert.equal(await built(cache, 1), dir);
  assert.equal((await readFile(join(dir, WEIGHTS))).length, 1000);
});

test('a flipped byte is found at the first use after the start, and mended', async () => {
  await using scratch = await openScratch();
  const dir = await built(cacheIn(scratch.dir).cache, 1);
  const file = await open(join(dir, WEIGHTS), 'r+');
  await file.write(Buffer.from([99]), 0, 1, 500);
  await file.close();
  const { cache } = cacheIn(scratch.dir);
  assert.equal(await cache.find(pkgOf(1)), undefined);
  await built(cache, 1);
  assert.ok(await cacheIn(scratch.dir).cache.find(pkgOf(1)));
});

test('no damage to the manifest is ever overlooked', async () => {
  await using scratch = await openScratch();
  const dir = await built(cacheIn(scratch.dir).cache, 1);
  const path = join(dir, 'skylift.json');
  const sound = await readFile(path);
  const damaged = fc.oneof(
    fc.nat(sound.length - 1).map((length) => sound.subarray(0, length)),
    fc.tuple(fc.nat(sound.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, flip]) => {
      const bytes = Buffer.from(sound);
      bytes[at] = (bytes[at] ?? 0) ^ flip;
      return bytes;
    }),
    fc.uint8Array({ maxLength: 400 }),
  );
  await fc.assert(
    fc.asyncProperty(damaged, async (bytes) => {
      await diskFiles.remove(path);
      await writeFile(path, bytes);
      assert.equal(await cacheIn(scratch.dir).cache.find(pkgOf(1)), undefined);
    }),
    { numRuns: 60 },
  );
  await built(cacheIn(scratch.dir).cache, 1);
});

test('what an engine refuses is forgotten, and made anew after the next start', async () => {
  await using scratch = await openScratch();
  const { cache, log } = cacheIn(scratch.dir);
  await built(cache, 1);
  log.length = 0;
  await cache.refuse(pkgOf(1), new SkyliftError('SKY_ENGINE_LOST', 'signal SIGBUS'));
  assert.equal(await cache.find(pkgOf(1)), undefined);
  assert.equal(await cache.build(pkgOf(1), mustNotWrite, NEVER), undefined);
  assert.equal(log.length, 1);
  const next = cacheIn(scratch.dir).cache;
  assert.equal(await next.find(pkgOf(1)), undefined);
  await built(next, 1);
});

test('the packed form that nobody needed longest makes room', async () => {
  await using scratch = await openScratch();
  // one takes 1000 bytes of weights, a graph of 7, and a manifest below 1500
  const { cache } = cacheIn(scratch.dir, { limits: { weight_cache_bytes: 6000 } });
  await built(cache, 1);
  await built(cache, 2);
  assert.ok(await cache.find(pkgOf(1)), 'needed again');
  await built(cache, 3);
  await built(cache, 4);
  const found = await Promise.all([1, 2, 3, 4].map((variant) => cache.find(pkgOf(variant))));
  assert.equal(found[1], undefined, 'the one that nobody needed is gone');
  assert.ok(found[3], 'the newest is there');
  assert.ok(found.filter((dir) => dir !== undefined).length < 4);
});

test('a packed form beyond the bound is not kept', async () => {
  await using scratch = await openScratch();
  const { cache, log } = cacheIn(scratch.dir, { limits: { weight_cache_bytes: 4200 } });
  const large = async (dir: string): Promise<void> => {
    await write(1)(dir);
    await writeFile(join(dir, WEIGHTS), Buffer.alloc(5000));
  };
  assert.equal(await cache.build(pkgOf(1), large, NEVER), undefined);
  assert.match(log[0] ?? '', /^warn /);
  assert.deepEqual(await readdir(join(scratch.dir, 'packed', 'trees')), []);
});

for (const kind of ['ENOSPC', 'EIO'] as const)
  test(`a disk with ${kind} from any operation on costs the packed form, nothing else`, async () => {
    await using scratch = await openScratch();
    for (let at = 1, hits = 1; hits > 0; at++) {
      const place = join(scratch.dir, String(at));
      const files = new FaultyFiles({ at, kind, isLasting: true });
      const { cache, log } = cacheIn(place, { files });
      await cache.find(pkgOf(1));
      const dir = await cache.build(pkgOf(1), write(1), NEVER);
      ({ hits } = files);
      assert.ok(dir !== undefined || log.length > 0, `operation ${at}: silent`);
      const healthy = cacheIn(place).cache;
      assert.ok((await healthy.find(pkgOf(1))) ?? (await built(healthy, 1)));
    }
  });
