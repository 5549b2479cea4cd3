/** How an engine process ended: waits for the end of the process and of its pipes, keeps the last of its stderr. */
import type { ChildProcess } from 'node:child_process';
import type { Clock } from '../../core/clock.ts';
import type { ExitReport } from '../port.ts';

/** Last bytes of stderr that are kept. */
const STDERR_TAIL_BYTES = 4096;
/** Pipes that something else holds open are not waited for longer than this. */
const PIPES_LIMIT_MS = 500;

/** What we did to the process before it ended. */
export type Intent = { readonly kind: 'closed' | 'killed'; readonly reason: string };

export class ExitWatch {
  /** Resolves when the process is gone and all it wrote was read. */
  readonly exited: Promise<ExitReport>;
  /** Set before the process is told to end: the last word of the report. */
  intent: Intent | undefined;
  #isGone = false;
  #stderrTail = Buffer.alloc(0);

  constructor(child: ChildProcess, clock: Clock) {
    child.stdout?.resume();
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderrTail = Buffer.concat([this.#stderrTail, chunk]).subarray(-STDERR_TAIL_BYTES);
    });
    this.exited = new Promise((resolve) => {
      const settle = (reason: string): void => resolve(this.#report(reason));
      child.once('error', (error) => {
        this.#isGone = true;
        settle(error.message);
      });
      child.once('exit', (code, signal) => {
        this.#isGone = true;
        const reason = signal === null ? `exit code ${code}` : `signal ${signal}`;
        const timer = clock.setTimer(clock.nowMs() + PIPES_LIMIT_MS, () => settle(reason));
        child.once('close', () => {
          clock.clear(timer);
          settle(reason);
        });
      });
    });
  }

  /** True once the process has ended, or could not be started. */
  get isGone(): boolean {
    return this.#isGone;
  }

  #report(ending: string): ExitReport {
    const stderrTail = this.#stderrTail.toString('utf8').trim();
    if (this.intent && this.#isGone) return { ...this.intent, stderrTail };
    return { kind: 'crashed', reason: ending, stderrTail };
  }
}
