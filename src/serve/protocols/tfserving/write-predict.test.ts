/** Tests of the size of a predict response; its form is tested against recorded replies. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tensor } from '../../../tensor/values.ts';
import { writePredict } from './write-predict.ts';

const MAX_BYTES = 100_000;
const refused = { code: 'SKY_REQUEST_TOO_LARGE', message: /max_reply_bytes/ };
const ones = (rows: number) => tensor('uint8', [rows], new Uint8Array(rows).fill(1));

test('no format gives a reply that is longer than allowed, its frame aside', () => {
  for (const format of ['row', 'column'] as const)
    for (const names of [['y'], ['y', 'z']]) {
      const write = (rows: number) =>
        writePredict(new Map(names.map((name) => [name, ones(rows)])), format, MAX_BYTES);
      let rows = 1;
      assert.throws(() => {
        for (; ; rows *= 2) assert.ok(write(rows).length < MAX_BYTES + 100);
      }, refused);
      assert.ok(rows >= 1024, `${format} of ${names.length} outputs is refused at ${rows} rows`);
    }
});
