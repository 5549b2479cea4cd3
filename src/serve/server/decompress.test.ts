/** Tests of bounded decompression and of content-encoding. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { contentCoding, decompress, decompressedBound } from './decompress.ts';

const MiB = 1024 * 1024;

const expand = (bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | string> =>
  new Promise((resolve) => decompress('gzip', bytes, maxBytes, resolve));

describe('decompress', () => {
  test('gives back what was compressed, up to the bound and not beyond', async () => {
    const property = fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 2000 }), async (plain) => {
      const packed = gzipSync(plain);
      assert.deepEqual(Buffer.from((await expand(packed, plain.length)) as Uint8Array), Buffer.from(plain));
      if (plain.length > 1) assert.equal(await expand(packed, plain.length - 1), 'too-large');
    });
    await fc.assert(property, { numRuns: 30 });
  });

  test('truncated and mutated streams are malformed, too large or other bytes, never an exception', async () => {
    const packed = gzipSync('some text that is long enough to have a body');
    const property = fc.asyncProperty(fc.nat(packed.length - 1), fc.nat(255), async (at, byte) => {
      assert.equal(await expand(packed.subarray(0, at), 1000), 'malformed');
      const mutated = Buffer.from(packed);
      mutated[at] = byte;
      const result = await expand(mutated, 1000);
      assert.ok(result instanceof Uint8Array || result === 'malformed' || result === 'too-large');
    });
    await fc.assert(property, { numRuns: 60 });
  });

  test('what is stopped never calls back and holds no memory', async () => {
    const packed = gzipSync(Buffer.alloc(8 * MiB));
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 8; i++) decompress('gzip', packed, 8 * MiB, () => assert.fail('called back'))();
    assert.equal((await expand(packed, 8 * MiB)).length, 8 * MiB); // the others had the time to do the same
    const grown = process.memoryUsage().arrayBuffers - before;
    assert.ok(grown < 4 * 8 * MiB, `${grown} bytes`);
  });

  test('the bound is the smaller of limit and ratio, with 64 KiB free', () => {
    assert.equal(decompressedBound(10_000, 1_000_000, 20), 200_000);
    assert.equal(decompressedBound(10_000, 150_000, 20), 150_000);
    assert.equal(decompressedBound(10, 1_000_000, 20), 65_536);
    assert.equal(decompressedBound(10, 1000, 20), 1000);
  });

  test('content-encoding is read by its name', () => {
    assert.equal(contentCoding(undefined), 'plain');
    assert.equal(contentCoding('identity'), 'plain');
    assert.equal(contentCoding(' GZIP '), 'gzip');
    assert.equal(contentCoding('x-gzip'), 'gzip');
    assert.equal(contentCoding('Deflate'), 'deflate');
    for (const unknown of ['br', 'gzip, gzip', 'zstd']) assert.equal(contentCoding(unknown), undefined);
  });
});
