/**
 * Time limits for a run of node:test. Its own end a test by a signal that a process in an endless loop never handles, and
 * then wait for it; these end the process.
 */
import type { run } from 'node:test';
import { commandLineOf, descendantsOf, killAll } from './processes.ts';

export interface TimeLimits {
  /** Longest time of one test file in milliseconds. */
  readonly fileMs: number;
  /** Longest time of the run in milliseconds. */
  readonly allMs: number;
}

/** Ends files that take too long, and everything when the run does; what was ended counts as failed. */
export function limitTime(events: ReturnType<typeof run>, limits: TimeLimits): void {
  const timers = new Map<string, NodeJS.Timeout>();
  events.on('test:dequeue', ({ name, file }) => {
    if (name !== file) return; // a test inside a file
    timers.set(
      file,
      setTimeout(() => endFile(file, limits.fileMs), limits.fileMs),
    );
  });
  events.on('test:complete', ({ name }) => {
    clearTimeout(timers.get(name));
    timers.delete(name);
  });
  const whole = setTimeout(() => endRun(limits.allMs, [...timers.keys()]), limits.allMs);
  events.on('close', () => clearTimeout(whole));
}

function endFile(file: string, limitMs: number): void {
  process.exitCode = 1;
  console.error(`${file} did not end within ${limitMs / 1000} s`);
  for (const pid of descendantsOf(process.pid)) {
    if (commandLineOf(pid).includes(file)) killAll([...descendantsOf(pid), pid]);
  }
}

function endRun(limitMs: number, underWay: readonly string[]): never {
  console.error(`the tests did not end within ${limitMs / 1000} s; under way: ${underWay.join(', ')}`);
  killAll(descendantsOf(process.pid));
  process.exit(1);
}
