/** REST predict of a tiny model with an isolated engine, against a naive echo and a naive onnxruntime server. */
import { startRival, startSkylift } from './support/contenders.ts';
import { compare, httpLoad, runRounds } from './support/rounds.ts';
import type { Ratio, Rounds } from './support/rounds.ts';

const BODY = '{"instances":[1.0,2.0,5.0]}';
const CONNECTIONS = 64;
const SCENARIO = `tiny predict, ${CONNECTIONS} connections`;

/** `model` is half_plus_two: y = 0.5 x + 2. */
export async function benchTinyPredict(model: string, storeDir: string, rounds: number): Promise<Ratio[]> {
  const contenders = [
    await startSkylift([`m=${model}`], '/v1/models/m:predict', storeDir),
    await startRival('naive onnxruntime', 'naive-onnxruntime.mjs', [model, 'x', 'y'], '/'),
    await startRival('naive echo', 'naive-echo.mjs', [], '/'),
  ];
  try {
    const verify = { body: '{"predictions":[2.5,3,4.5]}', tolerance: 1e-6 };
    const results = await runRounds(contenders, {
      rounds,
      durationMs: 4000,
      connections: CONNECTIONS,
      load: httpLoad(() => ({ body: BODY, verify })),
    });
    return ratiosOf(results);
  } finally {
    for (const contender of contenders) await contender.stop();
  }
}

function ratiosOf(results: readonly Rounds[]): Ratio[] {
  const [ours, server, echo] = results;
  if (!ours || !server || !echo) return [];
  const failed = results.map(({ name, failed }) => `${name}: ${failed}`).join(', ');
  if (results.some((result) => result.failed > 0)) throw new Error(`wrong or failed replies: ${failed}`);
  return [
    compare(
      { scenario: SCENARIO, figure: 'CPU per request vs naive onnxruntime', unit: 'us', goal: '<= 1.0' },
      ours.cpuUsPerRequest,
      server.cpuUsPerRequest,
    ),
    compare(
      { scenario: SCENARIO, figure: 'requests/s vs naive onnxruntime', unit: '/s', goal: '>= 1.3' },
      ours.requestsPerSecond,
      server.requestsPerSecond,
    ),
    compare(
      { scenario: SCENARIO, figure: 'CPU per request vs naive echo', unit: 'us', goal: '' },
      ours.cpuUsPerRequest,
      echo.cpuUsPerRequest,
    ),
  ];
}
