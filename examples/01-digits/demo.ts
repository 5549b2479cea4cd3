/**
 * The main job on real input, end to end: imports a network trained on handwritten digits into a package, serves it with
 * engine processes, and asks it about every test digit through REST. `npm run demo`, or `npm run demo -- --once`.
 */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { latencySummary } from '../../src/bench/statistics.ts';
import { createClient } from '../../src/client/client.ts';
import { serve } from '../../src/index.ts';
import type { RunningServer } from '../../src/index.ts';
import { readTestDigits } from './digits.ts';
import type { Digit } from './digits.ts';

const CONNECTIONS = 16;
const WARM_UP_DIGITS = 200;

const { values: flags } = parseArgs({ options: { once: { type: 'boolean', default: false } } });
const storeDir = await mkdtemp(join(tmpdir(), 'skylift-demo-'));
const server = await startServer(storeDir);
const digits = readTestDigits();
await ask(server.url, digits.slice(0, WARM_UP_DIGITS)); // the first requests pay for compilation and new engines
const answers = await ask(server.url, digits);
printReport(server, digits, answers);
if (!flags.once) {
  console.error('Serving until Ctrl-C.');
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
}
await server.drain();
await rm(storeDir, { recursive: true, force: true });

interface Answers {
  readonly labels: readonly number[];
  readonly latenciesMs: readonly number[];
  readonly durationMs: number;
}

async function startServer(storeDir: string): Promise<RunningServer> {
  console.error('Importing mnist-lenet.onnx into a package and starting engines ...');
  return serve({
    models: { digits: fileURLToPath(new URL('mnist-lenet.onnx', import.meta.url)) },
    http: { port: flags.once ? 0 : 8501 },
    storeDir,
    onEvent(event) {
      if (event.kind === 'loaded')
        console.error(`Loaded in ${event.durationMs.toFixed(0)} ms: ${describe(event.report)}`);
    },
  });
}

function describe({ engines, curve, crowdRows }: ReturnType<RunningServer['report']>[number]): string {
  const points = curve
    .map((point) => `${point.rows}: ${((1e6 * point.rows) / point.runUs).toFixed(0)}/s`)
    .join(', ');
  return `${engines.length} engine(s), rows per second by batch size {${points}}, batches of up to ${crowdRows}`;
}

/** Sends one digit per request over a fixed number of connections, as independent clients would. */
async function ask(url: string, digits: readonly Digit[]): Promise<Answers> {
  const client = createClient(url, { connections: CONNECTIONS });
  const labels: number[] = Array.from({ length: digits.length }, () => -1);
  const latenciesMs: number[] = [];
  const start = performance.now();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < digits.length; i = next++) {
      const sentAtMs = performance.now();
      const { predictions } = await client.predict('digits', { instances: [[rowsOf(digits[i])]] });
      latenciesMs.push(performance.now() - sentAtMs);
      labels[i] = indexOfMax((predictions as number[][])[0] ?? []);
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
  const durationMs = performance.now() - start;
  client.close();
  return { labels, latenciesMs, durationMs };
}

function printReport(
  server: RunningServer,
  digits: readonly Digit[],
  { labels, latenciesMs, durationMs }: Answers,
): void {
  const correct = digits.filter((digit, i) => digit.label === labels[i]).length;
  const latency = latencySummary(latenciesMs);
  const predict = `${server.url}/v1/models/digits:predict`;
  const example = fileURLToPath(new URL('seven.json', import.meta.url));
  console.log(`
accuracy    ${((100 * correct) / digits.length).toFixed(2)} % (${correct} of ${digits.length} digits that the network has never seen)
throughput  ${((1000 * digits.length) / durationMs).toFixed(0)} requests/s over ${CONNECTIONS} connections, client on the same cores
latency     p50 ${latency.p50.toFixed(2)} ms, p90 ${latency.p90.toFixed(2)} ms, p99 ${latency.p99.toFixed(2)} ms

predict     ${predict}
status      ${server.url}/v1/models/digits
metadata    ${server.url}/v1/models/digits/metadata
metrics     ${server.url}/metrics
try         curl -d @${example} ${predict}
`);
}

/** 784 values as the 28 x 28 image that the network wants. */
function rowsOf(digit: Digit | undefined): number[][] {
  return Array.from({ length: 28 }, (_, row) => (digit?.pixels ?? []).slice(row * 28, (row + 1) * 28));
}

function indexOfMax(values: readonly number[]): number {
  return values.reduce((best, value, i) => (value > (values[best] ?? -Infinity) ? i : best), 0);
}
