/**
 * An image end to end in several spellings, against the bare engine with the same threads, and against the least server that
 * keeps the engine in a process of its own. One engine with one thread on all sides.
 */
import { runBare } from './support/bare-engine.ts';
import type { BareRun } from './support/bare-engine.ts';
import { imageNet } from './support/bench-context.ts';
import type { BenchContext, ImageNet } from './support/bench-context.ts';
import { startRival, startSkylift } from './support/contenders.ts';
import type { Contender } from './support/contenders.ts';
import { base64, binary, grpc, IMAGE_BYTES, numberLists } from './support/image.ts';
import type { Spelling } from './support/image.ts';
import { addRound, measure, noRounds } from './support/rounds.ts';
import type { Rounds } from './support/rounds.ts';
import { compare } from './support/table.ts';
import type { Goal, Row } from './support/table.ts';

/** Enough to keep one engine busy while replies travel. */
const CONNECTIONS = 4;
/** At tens of requests a second the compiler needs a while. */
const FIRST_WARMUP_MS = 4000;
const WARMUP_MS = 500;
/** Some runs of the bare engine, for their numbers. */
const OUTPUT_MS = 500;

/** One spelling and what it ought to reach. */
interface Entry {
  readonly spelling: Spelling;
  /** Of its speeds over those of the bare engine. */
  readonly speed?: Goal;
  /** Of its latency over that of the bare engine. */
  readonly latency?: Goal;
}

interface MeasuredEntry extends Entry {
  readonly single: Rounds;
  readonly busy: Rounds;
}

/** All spellings with a network of some 10 ms. */
export async function benchMobileNet(context: BenchContext): Promise<Row[]> {
  const net = 'MobileNetV2-sized';
  const model = await imageNet(net);
  const { output } = await runBare(context, model, OUTPUT_MS);
  const textual = base64(output);
  const entries = [
    { spelling: binary(), speed: { atLeast: 0.9 } },
    { spelling: grpc(), speed: { atLeast: 0.9 } },
    { spelling: textual, speed: { atLeast: 0.88 } },
    { spelling: numberLists(output), latency: { atMost: 2.3 } },
  ];
  const least = await startRival(
    'least isolated server',
    'least-front.mjs',
    [model, String(IMAGE_BYTES)],
    '',
  );
  const leastRounds = noRounds(least.name);
  const beside = async (): Promise<void> => {
    addRound(leastRounds, await measureWarm(context, least, textual));
  };
  const { rows, measured } = await benchImages(context, { net, model, output, entries, beside });
  const ours = measured.find(({ spelling }) => spelling === textual);
  if (!ours) return rows;
  const subject = {
    scenario: scenarioOf(net, textual),
    figure: `p50 at 1 connection vs ${least.name}`,
    unit: 'ms',
  };
  return [...rows, compare(subject, ours.single.p50Ms, leastRounds.p50Ms)];
}

/** The binary spellings with a network of some 100 ms. */
export async function benchResNet(context: BenchContext): Promise<Row[]> {
  const net = 'ResNet-50-sized';
  const model = await imageNet(net);
  const { output } = await runBare(context, model, OUTPUT_MS);
  const speed = { atLeast: 0.97 };
  const entries = [
    { spelling: binary(), speed },
    { spelling: grpc(), speed },
  ];
  const { rows } = await benchImages(context, { net, model, output, entries });
  return rows;
}

interface Images {
  readonly net: ImageNet;
  readonly model: string;
  /** Numbers that must come back; replies in binary form are checked less closely. */
  readonly output: readonly number[];
  readonly entries: readonly Entry[];
  /** What else each round measures. */
  readonly beside?: () => Promise<void>;
}

async function benchImages(
  context: BenchContext,
  { net, model, output, entries, beside }: Images,
): Promise<{ readonly rows: Row[]; readonly measured: readonly MeasuredEntry[] }> {
  const measured = entries.map((entry) => ({
    ...entry,
    single: noRounds(entry.spelling.name),
    busy: noRounds(entry.spelling.name),
  }));
  const bare: BareRun[] = [];
  const skylift = await startSkylift([`m=${model}`, '--engines=1', '--threads=1'], '', context.storeDir);
  await measure(skylift, base64(output).load(1), WARMUP_MS);
  for (const { spelling } of measured) await spelling.load(1)(skylift, { durationMs: FIRST_WARMUP_MS });
  for (let round = 0; round < context.rounds; round++) {
    bare.push(await runBare(context, model, context.durationMs));
    await beside?.();
    for (const { spelling, single, busy } of measured) {
      addRound(single, await measureWarm(context, skylift, spelling));
      addRound(busy, await measure(skylift, spelling.load(CONNECTIONS), context.durationMs));
    }
  }
  return { rows: measured.flatMap((entry) => rowsOf(net, entry, bare)), measured };
}

async function measureWarm(
  { durationMs }: BenchContext,
  contender: Contender,
  spelling: Spelling,
): ReturnType<typeof measure> {
  const load = spelling.load(1);
  await load(contender, { durationMs: WARMUP_MS });
  return measure(contender, load, durationMs);
}

function rowsOf(net: ImageNet, entry: MeasuredEntry, bare: readonly BareRun[]): Row[] {
  const { spelling, speed, latency, single, busy } = entry;
  const scenario = scenarioOf(net, spelling);
  const wanted = speed && { goal: speed };
  const bareP50Ms = bare.map(({ p50Ms }) => p50Ms);
  const figure = 'p50 at 1 connection vs bare run';
  return [
    latency
      ? compare({ scenario, figure, unit: 'ms', goal: latency }, single.p50Ms, bareP50Ms)
      : compare(
          { scenario, figure: `1/${figure}`, unit: '/s', ...wanted },
          inverse(single.p50Ms),
          inverse(bareP50Ms),
        ),
    compare(
      { scenario, figure: `requests/s at ${CONNECTIONS} connections vs bare runs/s`, unit: '/s', ...wanted },
      busy.requestsPerSecond,
      bare.map(({ runs, seconds }) => runs / seconds),
    ),
    compare(
      { scenario, figure: 'requests per CPU-second vs bare engine', unit: '/s', ...wanted },
      busy.cpuUsPerRequest.map((cpuUs) => 1e6 / cpuUs),
      bare.map(({ runs, cpuSeconds }) => runs / cpuSeconds),
    ),
  ];
}

/** Per second. */
function inverse(valuesMs: readonly number[]): readonly number[] {
  return valuesMs.map((valueMs) => 1000 / valueMs);
}

function scenarioOf(net: ImageNet, { name }: Spelling): string {
  return `${name}, ${net} net, 1 engine x 1 thread`;
}
