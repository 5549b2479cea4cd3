/** What a second engine with one thread brings, against what a second bare engine process brings on the same machine. */
import { availableParallelism } from 'node:os';
import { runBare } from './support/bare-engine.ts';
import { imageNet } from './support/bench-context.ts';
import type { BenchContext, ImageNet } from './support/bench-context.ts';
import { startSkylift } from './support/contenders.ts';
import type { Contender } from './support/contenders.ts';
import { binary } from './support/image.ts';
import { measure } from './support/rounds.ts';
import { compare } from './support/table.ts';
import type { Row } from './support/table.ts';

const WARMUP_MS = 1500;
/** Requests in flight for each engine. */
const CONNECTIONS = 3;
const NETS = ['MobileNetV2-sized', 'ResNet-50-sized'] as const;

export async function benchTwoEngines(context: BenchContext): Promise<Row[]> {
  if (availableParallelism() < 2) {
    context.skip('two engines: there is one core');
    return [];
  }
  const rows: Row[] = [];
  for (const net of NETS) rows.push(await benchNet(context, net));
  return rows;
}

async function benchNet(context: BenchContext, net: ImageNet): Promise<Row> {
  const model = await imageNet(net);
  const start = (engines: number): Promise<Contender> =>
    startSkylift([`m=${model}`, `--engines=${engines}`, '--threads=1'], '', context.storeDir);
  const [one, two] = [await start(1), await start(2)];
  const ours: number[] = [];
  const bare: number[] = [];
  for (let round = 0; round < context.rounds; round++) {
    const ourOne = await ourSpeed(context, one, 1);
    ours.push((await ourSpeed(context, two, 2)) / ourOne);
    const bareOne = await bareSpeed(context, model, 1);
    bare.push((await bareSpeed(context, model, 2)) / bareOne);
  }
  const subject = { scenario: `1 and 2 engines x 1 thread, binary REST, ${net} net`, unit: 'x' };
  const figure = 'speed of 2 over speed of 1, vs bare engine processes';
  return compare({ ...subject, figure, goal: { atLeast: 0.95 } }, ours, bare);
}

/** Requests per second. */
async function ourSpeed({ durationMs }: BenchContext, server: Contender, engines: number): Promise<number> {
  const load = binary().load(CONNECTIONS * engines);
  await load(server, { durationMs: WARMUP_MS });
  return (await measure(server, load, durationMs)).requestsPerSecond;
}

/** Runs per second of `processes` at once. */
async function bareSpeed(context: BenchContext, model: string, processes: number): Promise<number> {
  const runs = Array.from({ length: processes }, () => runBare(context, model, context.durationMs));
  return (await Promise.all(runs)).reduce((sum, { runs, seconds }) => sum + runs / seconds, 0);
}
