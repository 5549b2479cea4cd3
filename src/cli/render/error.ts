/** How a failure looks: code, message, the next step and the page that explains it; or one JSON document. */
import { randomBytes } from 'node:crypto';
import { isSkyliftError, SkyliftError } from '../../core/errors.ts';
import type { Paint, Terminal } from '../terminal.ts';
import { printable } from './printable.ts';

/** Shows `error` and returns the exit code that goes with it. Anything unknown becomes SKY_INTERNAL with an id. */
export function reportError(error: unknown, terminal: Terminal): number {
  const coded = isSkyliftError(error) ? error : unexpected(error);
  if (terminal.flags.json) terminal.result('', { error: coded });
  else terminal.process.stderr.write(renderError(coded, terminal.paint));
  if (terminal.flags.debug) terminal.process.stderr.write(`${printable(stackOf(error))}\n`);
  return coded.exitCode;
}

/** The three lines of an error; further lines of its message are indented. */
function renderError(error: SkyliftError, paint: Paint): string {
  const [first = '', ...more] = printable(error.message).split('\n');
  const lines = [
    `${paint('red', '✖')} ${paint('bold', error.code)}  ${first}`,
    ...more.map((line) => `  ${line}`),
    ...(error.hint === '' ? [] : [`  Fix:  ${printable(error.hint)}`]),
    paint('dim', `  Docs: ${error.docs}`),
  ];
  return `${lines.join('\n')}\n`;
}

function unexpected(error: unknown): SkyliftError {
  const id = randomBytes(4).toString('hex');
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new SkyliftError('SKY_INTERNAL', `${what} (id ${id})`, { cause: error, details: { id } });
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
