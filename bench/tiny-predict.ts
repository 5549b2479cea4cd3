/** REST predict of a tiny model with an isolated engine, against naive servers on node:http and a constant reply of nginx. */
import { optional, tinyModel } from './support/bench-context.ts';
import type { BenchContext } from './support/bench-context.ts';
import { startRival, startSkylift } from './support/contenders.ts';
import { startNginx } from './support/native-rivals.ts';
import { httpLoad, runRounds } from './support/rounds.ts';
import { compare } from './support/table.ts';
import type { Row } from './support/table.ts';

const BODY = '{"instances":[1.0,2.0,5.0]}';
const REPLY = '{"predictions":[2.5,3,4.5]}';
const CONNECTIONS = 64;
const SCENARIO = `tiny REST predict, ${CONNECTIONS} connections`;
const SERVER = 'naive node:http + onnxruntime';
const ECHO = 'naive node:http echo';

export async function benchTinyPredict(context: BenchContext): Promise<Row[]> {
  const { storeDir, folder } = context;
  const model = await tinyModel(context);
  const contenders = [
    await startSkylift([`m=${model}`], '/v1/models/m:predict', storeDir),
    await startRival(SERVER, 'naive-onnxruntime.mjs', [model, 'x', 'y'], '/'),
    await startRival(ECHO, 'naive-echo.mjs', [], '/'),
    ...(await optional(context, 'nginx, constant reply', (name) => startNginx(name, REPLY, folder))),
  ];
  const verify = { body: REPLY, tolerance: 1e-6 };
  const [ours, ...rivals] = await runRounds(contenders, {
    ...context,
    load: httpLoad(() => ({ body: BODY, connections: CONNECTIONS, verify })),
  });
  if (!ours) return [];
  return rivals.flatMap(({ name, cpuUsPerRequest, requestsPerSecond }) => [
    compare(
      {
        scenario: SCENARIO,
        figure: `CPU per request vs ${name}`,
        unit: 'µs',
        ...(name === SERVER && { goal: { atMost: 1 } }),
      },
      ours.cpuUsPerRequest,
      cpuUsPerRequest,
    ),
    ...(name === SERVER
      ? [
          compare(
            { scenario: SCENARIO, figure: `requests/s vs ${name}`, unit: '/s', goal: { atLeast: 1.3 } },
            ours.requestsPerSecond,
            requestsPerSecond,
          ),
        ]
      : []),
  ]);
}
