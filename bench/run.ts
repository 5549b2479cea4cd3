/**
 * `npm run bench`: ratios against naive rivals, interleaved in one run. A table for people on stderr, JSON on stdout.
 * Flags: --rounds N (default 3), --image-model FILE (float32 `image` [batch, 3, 224, 224]; without it those rows are skipped).
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openPackages } from '../src/api/workshop.ts';
import { resolveLimits } from '../src/core/limits.ts';
import { halfPlusTwo } from '../test/support/onnx-models.ts';
import { benchJson } from './json.ts';
import { benchLargeTensor } from './large-tensor.ts';
import { measureResponsiveness } from './responsiveness.ts';
import { benchCliStart, measureFirstResult } from './start-up.ts';
import type { Ratio } from './support/rounds.ts';
import { benchTinyGrpc } from './tiny-grpc.ts';
import { benchTinyPredict } from './tiny-predict.ts';

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, 'image-model': { type: 'string' } },
});
const rounds = Number(flags.rounds);
const imageModel = flags['image-model'];
const folder = await mkdtemp(join(tmpdir(), 'skylift-bench-'));
const storeDir = join(folder, 'store');

try {
  const tiny = join(folder, 'half_plus_two.onnx');
  await writeFile(tiny, halfPlusTwo());
  const digits = fileURLToPath(new URL('../examples/01-digits/mnist-lenet.onnx', import.meta.url));
  const { importer } = await openPackages(storeDir, resolveLimits());
  const ratios: Ratio[] = [
    ...(await benchTinyPredict(tiny, storeDir, rounds)),
    ...(await benchTinyGrpc(tiny, storeDir, rounds)),
    ...(imageModel === undefined ? [] : await benchLargeTensor(imageModel, storeDir, rounds)),
    benchCliStart(folder, 4 * rounds),
  ];
  const report = {
    machine: { cpu: cpus()[0]?.model, cores: availableParallelism(), node: process.version },
    conditions: `${rounds} interleaved rounds, load generator on the same cores, medians`,
    ratios,
    json: benchJson(),
    firstResultMs: await measureFirstResult(await importer.import(digits), 4 * rounds),
    ...(imageModel !== undefined && {
      healthWhileSaturated: await measureResponsiveness(imageModel, storeDir),
    }),
  };
  if (imageModel === undefined)
    console.error('skipped: large tensor and health under load (give --image-model FILE)');
  printTable(ratios);
  console.log(JSON.stringify(report, null, 2));
} finally {
  await rm(folder, { recursive: true, force: true });
}

function printTable(ratios: readonly Ratio[]): void {
  for (const { scenario, figure, ours, rival, unit, ratio, lowest, highest, goal } of ratios) {
    const values = `${ours.toFixed(1)} / ${rival.toFixed(1)} ${unit}`;
    console.error(
      `${scenario}: ${figure}: ${ratio.toFixed(2)}x (${lowest.toFixed(2)}-${highest.toFixed(2)}), ${values}${goal && `, goal ${goal}`}`,
    );
  }
}
