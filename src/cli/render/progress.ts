/** A sign of life on stderr: a redrawn line on a terminal, a plain line now and then elsewhere, nothing with --quiet. */
import { formatMs } from '../../core/units.ts';
import type { Terminal } from '../terminal.ts';

export interface Progress {
  /** Takes the line away; nothing is drawn after it. */
  done(): void;
  [Symbol.dispose](): void;
}

const REDRAW_MS = 100;
const PLAIN_LINE_MS = 5000;
const CLEAR_LINE = '\r\u001b[K';
const DEFAULT_COLUMNS = 80;

/**
 * Shows that `what` is under way until `done`. Nothing appears before one interval is over: short work stays quiet.
 * @param intervalMs default: 100 on a terminal, 5000 elsewhere
 */
export function startProgress(terminal: Terminal, what: string, intervalMs?: number): Progress {
  const { isInteractive, process: streams } = terminal;
  const startedAtMs = performance.now();
  let isDrawn = false;
  const draw = (): void => {
    const line = `${what} ... ${formatMs(performance.now() - startedAtMs)}`;
    if (!isInteractive) return terminal.say(line);
    isDrawn = true;
    streams.stderr.write(CLEAR_LINE + line.slice(0, (streams.stderr.columns ?? DEFAULT_COLUMNS) - 1));
  };
  const everyMs = intervalMs ?? (isInteractive ? REDRAW_MS : PLAIN_LINE_MS);
  const timer = terminal.flags.quiet ? undefined : setInterval(draw, everyMs).unref();
  const done = (): void => {
    clearInterval(timer);
    if (isDrawn) streams.stderr.write(CLEAR_LINE);
    isDrawn = false;
  };
  return { done, [Symbol.dispose]: done };
}
