/** Warm-up files: framing, checksums, what is replayed, what is skipped, what fails the load. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { isSkyliftError } from '../../../../core/errors.ts';
import { resolveLimits } from '../../../../core/limits.ts';
import type { Signature } from '../../../../package/manifest.ts';
import { tensorValues } from '../../../../tensor/values.ts';
import { otherLog, predictLog, tfRecordFile } from '../../../../../test/support/warm-up-file.ts';
import type { RecordedRequest } from '../../../runtime/loading/version-options.ts';
import { crc32c, maskedCrc32c } from './crc32c.ts';
import { recordedRequestsIn } from './recorded-requests.ts';
import { readTfRecords } from './tf-record.ts';

const SIGNATURE: Signature = {
  program: 'main',
  method: 'predict',
  inputs: [{ name: 'x', dtype: 'float32', dims: ['batch'] }],
  outputs: [{ name: 'y', dtype: 'float32', dims: ['batch'] }],
};

function folderWith(t: TestContext, file: Buffer): string {
  const folder = mkdtempSync(join(tmpdir(), 'skylift-warm-up-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'assets.extra'));
  writeFileSync(join(folder, 'assets.extra', 'tf_serving_warmup_requests'), file);
  return folder;
}

async function readAll(folder: string, said: string[] = []): Promise<readonly RecordedRequest[]> {
  const limits = resolveLimits({ max_warmup_records: 5 });
  const recorded = recordedRequestsIn(folder, limits, (line) => said.push(line)) ?? assert.fail();
  return [...(await recorded.read({ signature: () => ({ signature: SIGNATURE }) }))];
}

test('checksums are those of RFC 3720, masked as TensorFlow masks them', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa);
  const crc = crc32c(Buffer.from('foo'));
  assert.notEqual(maskedCrc32c(Buffer.from('foo')), crc);
  assert.equal(maskedCrc32c(Buffer.from('foo')), (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
});

test('records come back as they were written; any cut or changed byte is noticed', () => {
  const record = fc.uint8Array({ maxLength: 40 });
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 5 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (records, at, by) => {
        const file = tfRecordFile(records);
        assert.deepEqual(
          Array.from(readTfRecords(file, 'f'), (each) => new Uint8Array(each)),
          records,
        );
        if (file.length === 0) return;
        const mutated = Buffer.from(file);
        mutated[at % file.length] = ((mutated[at % file.length] ?? 0) + by) % 256;
        assert.throws(() => [...readTfRecords(mutated, 'f')], { code: 'SKY_WARMUP_INVALID' });
        const cut = file.subarray(0, at % file.length);
        const whole = records.map((_, i) => tfRecordFile(records.slice(0, i + 1)).length);
        if (cut.length === 0 || whole.includes(cut.length)) return;
        assert.throws(() => [...readTfRecords(cut, 'f')], {
          code: 'SKY_WARMUP_INVALID',
          message: /Please verify your warmup data is in TFRecord format\.$/,
        });
      },
    ),
  );
});

test('predict logs are requests, logs of other methods are skipped and named', async (t) => {
  const file = tfRecordFile([
    predictLog({ inputs: { x: [1, 2] }, signature: 'named' }),
    otherLog(2),
    predictLog({ inputs: { x: [3] } }),
  ]);
  const said: string[] = [];
  const requests = await readAll(folderWith(t, file), said);
  assert.deepEqual(
    requests.map(({ signature, inputs }) => [
      signature,
      ...[...inputs.values()].map((input) => [...tensorValues(input)]),
    ]),
    [
      ['named', [1, 2]],
      [undefined, [3]],
    ],
  );
  assert.match(said.join('\n'), /record 1 is skipped: classify_log is not served here$/);
});

test('what cannot be replayed fails the load', async (t) => {
  const good = predictLog({ inputs: { x: [1] } });
  for (const [records, words] of [
    [[good, otherLog(5)], /record 1: Unsupported log_type for warmup: session_run_log/],
    [[otherLog(7)], /Unsupported log_type for warmup: predict_streamed_log/],
    [[Buffer.alloc(0)], /Unsupported log_type for warmup: none/],
    [[Buffer.from([0xff])], /Failed to parse warmup record: 0: /],
    [[predictLog({ inputs: { z: [1] } })], /record 0: .*not found in request/],
    [Array.from({ length: 6 }, () => good), /Number of warmup records exceeds the maximum \(5\)/],
  ] as const)
    await assert.rejects(readAll(folderWith(t, tfRecordFile(records))), words);
});

test('mutated logs are read or refused, never anything else', async (t) => {
  const log = Buffer.from(predictLog({ inputs: { x: [1, 2, 3] }, signature: 's' }));
  const change = fc.record({ at: fc.nat(log.length - 1), to: fc.nat(255), cut: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(change, async ({ at, to, cut }) => {
      const mutated = Buffer.from(cut ? log.subarray(0, at) : log);
      if (!cut) mutated[at] = to;
      try {
        await readAll(folderWith(t, tfRecordFile([mutated])));
      } catch (error) {
        assert.ok(isSkyliftError(error) && error.code !== 'SKY_INTERNAL', String(error));
      }
    }),
    { numRuns: 300 },
  );
});
