/** gRPC Predict of a tiny model with an isolated engine, against a naive server on grpc-js and onnxruntime-node. */
import { ProtoWriter } from '../src/core/proto-writer.ts';
import { startRival, startSkylift } from './support/contenders.ts';
import { compare, runRounds } from './support/rounds.ts';
import type { Ratio } from './support/rounds.ts';
import { grpcLoad } from './support/run-grpc-load.ts';

const CONNECTIONS = 64;
const SCENARIO = `tiny gRPC predict, ${CONNECTIONS} connections`;
const METHOD = '/tensorflow.serving.PredictionService/Predict';
const DT_FLOAT = 1;

/** `model` is half_plus_two: y = 0.5 x + 2. */
export async function benchTinyGrpc(model: string, storeDir: string, rounds: number): Promise<Ratio[]> {
  const contenders = [
    await startSkylift([`m=${model}`], METHOD, storeDir),
    await startRival('grpc-js + onnxruntime', 'grpcjs-onnxruntime.mjs', [model, 'x', 'y'], METHOD),
  ];
  try {
    const reply = Buffer.from(Float32Array.of(2.5, 3, 4.5).buffer);
    const load = grpcLoad(request(Float32Array.of(1, 2, 5)), reply);
    const [ours, rival] = await runRounds(contenders, {
      rounds,
      durationMs: 4000,
      connections: CONNECTIONS,
      load,
    });
    if (!ours || !rival) return [];
    if (ours.failed + rival.failed > 0)
      throw new Error(`wrong or failed replies: ${ours.failed} of ours, ${rival.failed} of the rival`);
    return [
      compare(
        {
          scenario: SCENARIO,
          figure: 'CPU per request vs grpc-js + onnxruntime',
          unit: 'us',
          goal: '<= 0.8',
        },
        ours.cpuUsPerRequest,
        rival.cpuUsPerRequest,
      ),
      compare(
        { scenario: SCENARIO, figure: 'requests/s vs grpc-js + onnxruntime', unit: '/s', goal: '' },
        ours.requestsPerSecond,
        rival.requestsPerSecond,
      ),
    ];
  } finally {
    for (const contender of contenders) await contender.stop();
  }
}

/** PredictRequest of model `m` with the floats as `x`. */
function request(values: Float32Array): Uint8Array {
  const writer = new ProtoWriter();
  writer.message(1, () => writer.string(1, 'm'));
  writer.message(2, () =>
    writer.string(1, 'x').message(2, () =>
      writer
        .integer(1, DT_FLOAT)
        .message(2, () => writer.message(2, () => writer.integer(1, values.length)))
        .bytes(5, Buffer.from(values.buffer)),
    ),
  );
  return writer.finish();
}
