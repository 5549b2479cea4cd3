/** Puts load on an HTTP server from a process of its own, so that measuring does not disturb what is measured. */
import type { ChildProcess } from 'node:child_process';
import { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { siblingEntry, spawnLimited } from '../core/child-process.ts';
import { isErrorCode, SkyliftError, toSkyliftError } from '../core/errors.ts';
import type { LoadOptions, LoadReport } from './load-types.ts';
import { buildRequest } from './request-bytes.ts';

const MEMORY_BYTES = 4 * 1024 ** 3;
const MAX_CONNECTIONS = 10_000;

/**
 * Runs the load and resolves when every issued request has ended. Throws SKY_CONFIG_INVALID for options that make no
 * sense, SKY_INTERRUPTED when `signal` fires, SKY_INTERNAL when the generator itself breaks.
 * @example const report = await runLoad({ url, body, connections: 8, durationMs: 2000, warmupMs: 1000 });
 */
export async function runLoad(options: LoadOptions, signal?: AbortSignal): Promise<LoadReport> {
  requireSense(options);
  const child = spawnLimited({
    entry: siblingEntry(import.meta.url, './load-child'),
    memoryBytes: MEMORY_BYTES,
    channel: true,
  });
  const interrupt = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', interrupt, { once: true });
  try {
    return reportIn(await exchange(child, JSON.stringify(options)));
  } catch (error) {
    if (signal?.aborted)
      throw new SkyliftError('SKY_INTERRUPTED', 'the load run was interrupted', { cause: error });
    throw toSkyliftError(error);
  } finally {
    signal?.removeEventListener('abort', interrupt);
    interrupt();
  }
}

function requireSense(options: LoadOptions): void {
  buildRequest(options);
  const { durationMs, requests, connections = 1, ratePerSecond, warmupMs = 0, deadlineMs = 1 } = options;
  if ((durationMs === undefined) === (requests === undefined))
    throw new SkyliftError(
      'SKY_CONFIG_INVALID',
      'a load run needs either a duration or a number of requests',
    );
  const numbers = { durationMs, requests, connections, ratePerSecond, deadlineMs };
  for (const [name, value] of Object.entries(numbers))
    if (value !== undefined && !(value > 0))
      throw new SkyliftError('SKY_CONFIG_INVALID', `${name} ${value} is not positive`);
  if (!(warmupMs >= 0)) throw new SkyliftError('SKY_CONFIG_INVALID', `warmupMs ${warmupMs} is negative`);
  if (!Number.isInteger(connections) || connections > MAX_CONNECTIONS)
    throw new SkyliftError('SKY_CONFIG_INVALID', `connections ${connections} is not 1 to ${MAX_CONNECTIONS}`);
}

/** Sends `request` on descriptor 3 and reads the answer there. */
async function exchange(child: ChildProcess, request: string): Promise<string> {
  const channel = child.stdio[3];
  if (!(channel instanceof Duplex))
    throw new SkyliftError('SKY_INTERNAL', 'the load generator has no channel');
  const broken = new Promise<never>((_, reject) => {
    child.on('error', reject);
    channel.on('error', reject);
  });
  child.stdout?.resume();
  channel.end(request);
  const [answer, stderr] = await Promise.race([
    Promise.all([text(channel), child.stderr ? text(child.stderr) : '']),
    broken,
  ]);
  if (answer === '')
    throw new SkyliftError('SKY_INTERNAL', `the load generator ended early: ${stderr.slice(-500)}`);
  return answer;
}

/** The answer of load-child.ts of the same release. */
function reportIn(answer: string): LoadReport {
  const { report, error } = JSON.parse(answer) as {
    report?: LoadReport;
    error?: { code: string; message: string };
  };
  if (report) return report;
  const code = isErrorCode(error?.code) ? error.code : 'SKY_INTERNAL';
  throw new SkyliftError(code, error?.message ?? 'the load generator gave no report');
}
