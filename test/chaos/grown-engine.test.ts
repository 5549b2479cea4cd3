/** An engine that grows is exchanged while requests are in flight; none of them fails. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openModel, tensor, tensorValues } from '../../src/index.ts';
import { CAN_SEE_PROCESSES } from '../../tools/support/processes.ts';
import { sumOfOnes } from '../support/onnx-models.ts';

const MiB = 1024 * 1024;
const FLOAT_BYTES = 4;
const CALLERS = 8;
const REPLACED = 'an engine that grew was replaced';

test(
  'an engine whose memory grows is replaced without a failed request',
  { skip: !CAN_SEE_PROCESSES },
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'skylift-grown-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const path = join(folder, 'model.onnx');
    await writeFile(path, sumOfOnes());
    const log: string[] = [];
    await using model = await openModel(path, {
      storeDir: join(folder, 'store'),
      threads: { engines: 1, threads: 1 },
      limits: { engine_growth_bytes: 64 * MiB, engine_min_age_ms: 0, memory_check_ms: 20 },
      log: (_, message, { how = '' } = {}) => void log.push(`${message} ${String(how)}`.trim()),
    });
    const isReplaced = (): boolean => log.filter((line) => line === REPLACED).length >= 2;
    const pids = new Set<number>();
    const outcomes: unknown[] = [];
    const ask = async (caller: number): Promise<void> => {
      for (let i = 0; !isReplaced(); i++) {
        const size = caller === 0 ? ((96 + (i % 8)) * MiB) / FLOAT_BYTES : 1000 + i;
        const answer = model.predict({ size: tensor('int64', [1], [BigInt(size)]) }, { timeoutMs: 20_000 });
        outcomes.push(await answer.then(({ y }) => y && tensorValues(y)[0], String));
        for (const { pid } of model.report()?.engines ?? []) pids.add(pid);
      }
    };
    await Promise.all(Array.from({ length: CALLERS }, (_, caller) => ask(caller)));
    assert.deepEqual([...new Set(outcomes)], [1], 'every caller got the answer');
    assert.ok(pids.size >= 3, `${pids.size} processes`);
    assert.ok(
      log.every((line) => !/^engine ended (?:crashed|killed)$/.test(line)),
      'each ended in order',
    );
    t.diagnostic(`${outcomes.length} requests, ${pids.size} processes`);
  },
);
