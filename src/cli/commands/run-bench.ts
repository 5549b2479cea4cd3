/** Runs `skylift bench`: the load comes from a process of its own, the request is the same every time. */
import { cpuBetween, cpuTimes, processTree } from '../../bench/cpu-times.ts';
import type { LoadReport } from '../../bench/load-types.ts';
import { runLoad } from '../../bench/run-load.ts';
import { createClient, modelPath } from '../../client/client.ts';
import { keyHeaders } from '../../client/key-headers.ts';
import { SkyliftError } from '../../core/errors.ts';
import { formatMs } from '../../core/units.ts';
import { apiKeyIn } from '../api-key.ts';
import { serveLocally } from '../compose.ts';
import type { CliContext } from '../define-command.ts';
import { exampleRequest } from '../example-request.ts';
import { isHttpUrl, parseModelUrl } from '../model-url.ts';
import type { ModelUrl } from '../model-url.ts';
import { readRequest } from '../read-input.ts';
import { startProgress } from '../render/progress.ts';
import { renderPairs } from '../render/table.ts';
import { readTlsCa } from '../tls-ca.ts';
import type { TlsCaFlags } from '../tls-ca.ts';
import type { CliProcess } from '../terminal.ts';

export interface BenchFlags extends TlsCaFlags {
  readonly connections?: number;
  readonly rate?: number;
  readonly duration: number;
  readonly warmup: number;
  readonly input?: string;
}

interface BenchReport extends LoadReport {
  readonly url: string;
  /** CPU microseconds per issued request; only where the server runs in this process. */
  readonly cpuUsPerRequest?: { readonly front: number; readonly engines: number };
}

/** Where input comes from, the key that the server wants, and its CA, if any. */
interface Caller {
  readonly streams: CliProcess;
  readonly apiKey?: string | undefined;
  readonly ca?: string | undefined;
}

/** Prints the report; exit code 1 when a request failed. */
export async function runBench(context: CliContext, flags: BenchFlags, target: string): Promise<void> {
  using progress = startProgress(context.terminal, `measuring ${target}`);
  const streams = context.terminal.process;
  const report = isHttpUrl(target)
    ? await measure(modelAt(target), flags, {
        streams,
        apiKey: apiKeyIn(streams.env),
        ca: await readTlsCa(flags),
      })
    : await measureLocally(target, flags, streams);
  progress.done();
  context.terminal.result(renderReport(report), report);
  if (report.failed > 0) context.setExitCode(1);
}

async function measureLocally(path: string, flags: BenchFlags, streams: CliProcess): Promise<BenchReport> {
  await using server = await serveLocally(path);
  return await measure(server.model, flags, { streams }, () => processTree(process.pid));
}

async function measure(
  model: ModelUrl,
  flags: BenchFlags,
  caller: Caller,
  listPids: () => readonly number[] = () => [],
): Promise<BenchReport> {
  const url = `${model.server}${modelPath(model.model, model.target)}:predict`;
  const body = await requestFor(model, flags.input, caller);
  const load = {
    url,
    body,
    headers: keyHeaders(caller.apiKey),
    ca: caller.ca,
    ...(flags.connections !== undefined && { connections: flags.connections }),
    ...(flags.rate !== undefined && { ratePerSecond: flags.rate }),
  };
  await runLoad({ ...load, durationMs: flags.warmup * 1000 });
  const pids = listPids(); // after the warm-up, which may have started engines
  const before = cpuTimes(pids);
  const report = await runLoad({ ...load, durationMs: flags.duration * 1000 });
  if (pids.length === 0 || report.requests === 0) return { url, ...report };
  const totalMs = cpuBetween(before, cpuTimes(pids));
  const frontMs = cpuBetween(before, cpuTimes([process.pid]));
  const perRequest = (cpuMs: number): number => (1000 * cpuMs) / report.requests;
  return {
    url,
    ...report,
    cpuUsPerRequest: { front: perRequest(frontMs), engines: perRequest(totalMs - frontMs) },
  };
}

async function requestFor(
  model: ModelUrl,
  input: string | undefined,
  { streams, apiKey, ca }: Caller,
): Promise<string> {
  if (input !== undefined) return readRequest(input, streams);
  using client = createClient(model.server, { connections: 1, apiKey, ca });
  const { signatures } = await client.metadata(model.model, model.target);
  const signature = signatures['serving_default'];
  const example = signature && exampleRequest(signature.inputs);
  if (example) return JSON.stringify(example);
  throw new SkyliftError('SKY_USAGE', `no example request can be built for ${model.model}`, {
    hint: 'Give one: --input @request.json',
  });
}

function modelAt(url: string): ModelUrl {
  const parsed = parseModelUrl(url);
  if (parsed) return parsed;
  throw new SkyliftError('SKY_USAGE', `${url} is no URL of a model`, {
    hint: 'Write http://HOST:PORT/v1/models/NAME',
  });
}

function renderReport({ cpuUsPerRequest, ...report }: BenchReport): string {
  const { latencyMs, errors } = report;
  return renderPairs([
    ['url', report.url],
    [
      'requests',
      `${report.requests} in ${formatMs(report.durationMs)} over ${report.connections} connections, ${report.failed} failed`,
    ],
    ['throughput', `${report.requestsPerSecond.toFixed(0)} requests/s`],
    [
      'latency',
      `p50 ${formatMs(latencyMs.p50)}, p90 ${formatMs(latencyMs.p90)}, p99 ${formatMs(latencyMs.p99)}, max ${formatMs(latencyMs.max)}`,
    ],
    ...(cpuUsPerRequest === undefined
      ? []
      : [
          [
            'cpu',
            `${cpuUsPerRequest.front.toFixed(0)} us front + ${cpuUsPerRequest.engines.toFixed(0)} us engines per request`,
          ] as const,
        ]),
    ...Object.entries(errors).map(([message, count]) => ['failure', `${count} x ${message}`] as const),
  ]);
}
