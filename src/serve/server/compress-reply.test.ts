import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync, inflateSync } from 'node:zlib';
import { acceptedCoding, compressReply, isWorthCompressing } from './compress-reply.ts';

test('gzip goes before deflate, and what is weighted 0 is not accepted', () => {
  const cases: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, undefined],
    ['', undefined],
    ['identity', undefined],
    ['br', undefined],
    ['deflate, GZIP', 'gzip'],
    ['gzip;q=0.5', 'gzip'],
    ['gzip;q=0, deflate', 'deflate'],
    ['gzip; q=0.000', undefined],
    ['x-gzip', 'gzip'],
    ['gzipped', undefined],
  ];
  for (const [header, coding] of cases) assert.equal(acceptedCoding(header), coding, header);
});

test('only good replies of some length are compressed', () => {
  assert.equal(isWorthCompressing(200, 'x'.repeat(1024)), true);
  assert.equal(isWorthCompressing(200, 'x'.repeat(1023)), false);
  assert.equal(isWorthCompressing(400, 'x'.repeat(9999)), false);
});

test('what is compressed can be read again; what gains nothing stays as it is', async () => {
  const text = '[1.5, 2.5], '.repeat(1000);
  const packed = (coding: 'gzip' | 'deflate', body: Uint8Array | string): Promise<Uint8Array | undefined> =>
    new Promise((resolve) => {
      compressReply(coding, body, resolve);
    });
  assert.equal(String(gunzipSync((await packed('gzip', text)) ?? '')), text);
  assert.equal(String(inflateSync((await packed('deflate', text)) ?? '')), text);
  const noise = crypto.getRandomValues(new Uint8Array(4096));
  assert.equal(await packed('gzip', noise), undefined);
});
