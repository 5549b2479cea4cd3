/** The importer of production: each import runs in a process of its own with a time and a memory limit. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { siblingEntry, spawnLimited } from '../core/child-process.ts';
import { systemClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { SkyliftError } from '../core/errors.ts';
import type { Limits } from '../core/limits.ts';
import { formatMs } from '../core/units.ts';
import { throwIfCancelled } from '../package/file-failure.ts';
import type { Importer } from '../package/importer.ts';
import type { PackageHandle } from '../package/manifest.ts';
import { openPackage } from '../package/open-package.ts';
import { parseOutcome } from './import-order.ts';
import type { ImportOrder } from './import-order.ts';

const MEMORY_BYTES = 2 * 1024 ** 3; // structure up to 256 MiB, as JavaScript objects
const MAX_OUTCOME_CHARS = 64 * 1024;
const STDERR_TAIL_CHARS = 4 * 1024;

export interface ChildImporterOptions {
  /** Directory of the package store. */
  readonly storeDir: string;
  /** Name and version of the program, for the lineage of packages. @example 'skylift 0.1.0' */
  readonly tool: string;
  /** `import_limit_ms` and the limits of files from outside count here. */
  readonly limits: Limits;
  /** @default the system's */
  readonly clock?: Clock;
  /** Module that runs in the process. @default import-child */
  readonly entry?: string;
}

/** Imports foreign models into one store. Every import is its own process; they may run side by side. */
export class ChildImporter implements Importer {
  readonly #options: ChildImporterOptions;
  readonly #clock: Clock;
  readonly #entry: string;

  constructor(options: ChildImporterOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#entry = options.entry ?? siblingEntry(import.meta.url, './import-child');
  }

  /**
   * See `Importer`. Also throws SKY_IMPORT_TIMEOUT, SKY_IMPORT_FAILED (the process died), SKY_CANCELLED.
   */
  async import(path: string, signal?: AbortSignal): Promise<PackageHandle> {
    throwIfCancelled(signal, `import of ${path}`);
    const { storeDir, tool, limits } = this.#options;
    const order: ImportOrder = { path, storeDir, tool, limits };
    const child = spawnLimited({
      entry: this.#entry,
      args: [JSON.stringify(order)],
      memoryBytes: MEMORY_BYTES,
      channel: false,
    });
    const dir = parseOutcome(await this.#outcome(child, path, signal));
    return openPackage(dir, { verify: 'sizes', ...(signal && { signal }) });
  }

  /** The first line that the process writes, once it has ended. */
  async #outcome(child: ChildProcess, path: string, signal: AbortSignal | undefined): Promise<string> {
    const limitMs = this.#options.limits.import_limit_ms;
    let isTimeout = false;
    const kill = () => child.kill('SIGKILL');
    const timer = this.#clock.setTimer(this.#clock.nowMs() + limitMs, () => {
      isTimeout = true;
      kill();
    });
    signal?.addEventListener('abort', kill);
    try {
      const { line, reason, stderrTail } = await ending(child);
      throwIfCancelled(signal, `import of ${path}`);
      if (line !== undefined) return line;
      if (isTimeout)
        throw new SkyliftError(
          'SKY_IMPORT_TIMEOUT',
          `import of ${path} took longer than ${formatMs(limitMs)}`,
        );
      throw new SkyliftError('SKY_IMPORT_FAILED', `import of ${path} ended with ${reason}`, {
        details: { stderrTail },
      });
    } finally {
      this.#clock.clear(timer);
      signal?.removeEventListener('abort', kill);
    }
  }
}

interface Ending {
  /** First line of stdout; absent unless the process ended well. */
  readonly line: string | undefined;
  readonly reason: string;
  readonly stderrTail: string;
}

async function ending(child: ChildProcess): Promise<Ending> {
  const output = keepText(child.stdout, { maxChars: MAX_OUTCOME_CHARS, keep: 'head' });
  const talk = keepText(child.stderr, { maxChars: STDERR_TAIL_CHARS, keep: 'tail' });
  try {
    await once(child, 'close');
  } catch (error) {
    return { line: undefined, reason: String(error), stderrTail: talk() };
  }
  const line = child.exitCode === 0 ? output().split('\n', 1)[0] : '';
  const reason = child.signalCode ?? `exit code ${child.exitCode}`;
  return { line: line === '' ? undefined : line, reason, stderrTail: talk() };
}

/** Collects a bounded piece of a stream and drops the rest, so that the writer never waits. */
function keepText(stream: Readable | null, bound: { maxChars: number; keep: 'head' | 'tail' }): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    const all = text + chunk;
    text = bound.keep === 'head' ? all.slice(0, bound.maxChars) : all.slice(-bound.maxChars);
  });
  return () => text;
}
