/** gRPC Predict of a tiny model with an isolated engine, against gRPC servers in JavaScript, C++ and Go. */
import { optional, tinyModel } from './support/bench-context.ts';
import type { BenchContext } from './support/bench-context.ts';
import { startRival, startSkylift } from './support/contenders.ts';
import type { Contender } from './support/contenders.ts';
import { startCppEcho, startGoEcho } from './support/native-rivals.ts';
import { PREDICT, predictRequest } from './support/predict-request.ts';
import { runRounds } from './support/rounds.ts';
import { grpcLoad } from './support/run-grpc-load.ts';
import type { GrpcLayout } from './support/run-grpc-load.ts';
import { compare } from './support/table.ts';
import type { Goal, Row } from './support/table.ts';

const LAYOUTS = [
  { connections: 64, streams: 1 },
  { connections: 8, streams: 8 },
] as const;
const INPUT = bytesOf(1, 2, 5);
const OUTPUT = bytesOf(2.5, 3, 4.5);

const SERVER = 'grpc-js + onnxruntime';
const ECHO = 'grpc-js echo';
const CPP_ECHO = 'C++ callback echo';
const GO_ECHO = 'Go echo';
const GOALS: Readonly<Record<string, Goal>> = { [SERVER]: { atMost: 0.8 }, [CPP_ECHO]: { atMost: 2.5 } };

export async function benchTinyGrpc(context: BenchContext): Promise<Row[]> {
  const model = await tinyModel(context);
  const contenders = [
    await startSkylift([`m=${model}`], PREDICT, context.storeDir),
    await startRival(SERVER, 'grpcjs-onnxruntime.mjs', [model, 'x', 'y'], PREDICT),
    await startRival(ECHO, 'grpcjs-echo.mjs', [], PREDICT),
    ...(await optional(context, CPP_ECHO, (name) => startCppEcho(name, PREDICT))),
    ...(await optional(context, GO_ECHO, (name) => startGoEcho(name, PREDICT))),
  ];
  const rows: Row[] = [];
  for (const layout of LAYOUTS) rows.push(...(await benchLayout(context, contenders, layout)));
  return rows;
}

async function benchLayout(
  context: BenchContext,
  contenders: readonly Contender[],
  layout: GrpcLayout,
): Promise<Row[]> {
  const scenario = `tiny gRPC predict, ${layout.connections} connections x ${layout.streams} streams`;
  const replyOf = ({ name }: Contender): Uint8Array => (name.endsWith('echo') ? INPUT : OUTPUT);
  const load = grpcLoad(layout, predictRequest('x', [3], INPUT), replyOf);
  const [ours, ...rivals] = await runRounds(contenders, { ...context, load });
  if (!ours) return [];
  return [
    ...rivals.map(({ name, cpuUsPerRequest }) => {
      const goal = GOALS[name];
      const subject = { scenario, figure: `CPU per request vs ${name}`, unit: 'µs', ...(goal && { goal }) };
      return compare(subject, ours.cpuUsPerRequest, cpuUsPerRequest);
    }),
    ...rivals.map(({ name, requestsPerSecond }) => {
      const subject = { scenario, figure: `requests/s vs ${name}`, unit: '/s' };
      return compare(subject, ours.requestsPerSecond, requestsPerSecond);
    }),
  ];
}

function bytesOf(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
