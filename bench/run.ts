/**
 * `npm run bench`: ratios against rivals, interleaved in one run. A line for each figure on stderr, JSON on stdout.
 * Flags: --rounds N (default 3), --seconds N of each load (default 3), --only PART,PART (default all), --markdown FILE,
 * --note TEXT (of the conditions).
 * A part that fails is reported and the others go on; a rival that cannot be built or started here is skipped.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchMobileNet, benchResNet } from './image-predict.ts';
import { benchJson } from './json.ts';
import { benchResponsiveness } from './responsiveness.ts';
import { benchStartUp } from './start-up.ts';
import type { BenchContext } from './support/bench-context.ts';
import { watchConditions } from './support/conditions.ts';
import { stopAll } from './support/contenders.ts';
import { writeReport } from './support/report.ts';
import type { Report } from './support/report.ts';
import { lineOf } from './support/table.ts';
import type { Row } from './support/table.ts';
import { benchTinyGrpc } from './tiny-grpc.ts';
import { benchTinyPredict } from './tiny-predict.ts';
import { benchTwoEngines } from './two-engines.ts';

const PARTS: Readonly<Record<string, (context: BenchContext) => readonly Row[] | Promise<readonly Row[]>>> = {
  'tiny-rest': benchTinyPredict,
  'tiny-grpc': benchTinyGrpc,
  mobilenet: benchMobileNet,
  resnet: benchResNet,
  'two-engines': benchTwoEngines,
  responsiveness: benchResponsiveness,
  'start-up': benchStartUp,
  json: benchJson,
};
/** A part that takes longer is given up: builds and starts, and for each round. */
const PART_MS = 300_000;
const PART_ROUND_MS = 60_000;
const INTERRUPTED = 130;

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '3' },
    only: { type: 'string', default: Object.keys(PARTS).join(',') },
    markdown: { type: 'string' },
    note: { type: 'string', default: '' },
  },
});
const folder = await mkdtemp(join(tmpdir(), 'skylift-bench-'));
const remarks: string[] = [];
const context: BenchContext = {
  rounds: Number(flags.rounds),
  durationMs: 1000 * Number(flags.seconds),
  folder,
  storeDir: join(folder, 'store'),
  skip: (line) => remark(`skipped: ${line}`),
};

for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => void stopAll().finally(() => process.exit(INTERRUPTED)));

try {
  const conditions = watchConditions();
  const rows: Row[] = [];
  for (const name of flags.only.split(',')) rows.push(...(await runPart(name)));
  const report: Report = {
    conditions: { ...conditions(context), ...(flags.note !== '' && { note: flags.note }) },
    rows,
    remarks,
  };
  if (flags.markdown !== undefined) await writeFile(flags.markdown, writeReport(report));
  console.log(JSON.stringify(report, null, 2));
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function runPart(name: string): Promise<readonly Row[]> {
  const part = PARTS[name];
  if (!part) throw new Error(`no part ${name}; there are ${Object.keys(PARTS).join(', ')}`);
  const late = Promise.withResolvers<never>();
  const limitMs = PART_MS + PART_ROUND_MS * context.rounds;
  const timer = setTimeout(() => late.reject(new Error(`no end after ${limitMs / 1000} s`)), limitMs);
  try {
    const rows = await Promise.race([part(context), late.promise]);
    for (const row of rows) console.error(lineOf(row));
    return rows;
  } catch (error) {
    remark(`failed: ${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
    return [];
  } finally {
    clearTimeout(timer);
    await stopAll();
  }
}

function remark(line: string): void {
  remarks.push(line);
  console.error(line);
}
