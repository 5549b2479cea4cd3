/** The two streams of a command: stdout is the result, stderr is the talk. Decides on colour, quiet and JSON once. */
import { styleText } from 'node:util';
import type { GlobalFlags } from './global-flags.ts';

/** What the command line needs of the process; tests play it. */
export interface CliProcess {
  readonly stdout: CliStream;
  readonly stderr: CliStream;
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface CliStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';

/** Text in a style, or as it is. */
export type Paint = (style: Style, text: string) => string;

export interface Terminal {
  readonly flags: GlobalFlags;
  readonly process: CliProcess;
  /** True when progress may redraw its line: stderr is a terminal that can, and no CI system. */
  readonly isInteractive: boolean;
  /** The one result on stdout: `json` as one line with --json, else the text. */
  result(text: string, json: unknown): void;
  /** A JSON document on stdout as it is, with and without --json: numbers keep every digit. */
  document(json: string): void;
  /** One line of talk; silent with --quiet. */
  say(line: string): void;
  /** One line of talk that only --verbose shows. */
  detail(line: string): void;
  /** For stderr. */
  readonly paint: Paint;
  /** For stdout. */
  readonly paintResult: Paint;
}

/** Makes the terminal of one command. */
export function createTerminal(process: CliProcess, flags: GlobalFlags): Terminal {
  const painting = (stream: CliStream): Paint =>
    hasColor(stream, process.env, flags)
      ? (style, text) => styleText(style, text, { validateStream: false })
      : (_style, text) => text;
  const talk = (line: string): void => void process.stderr.write(`${line}\n`);
  return {
    flags,
    process,
    isInteractive: canRedraw(process),
    result(text, json) {
      process.stdout.write(flags.json ? `${JSON.stringify(json, plainNumbers)}\n` : endLine(text));
    },
    document: (json) => void process.stdout.write(endLine(json)),
    say: flags.quiet ? () => {} : talk,
    detail: flags.verbose && !flags.quiet ? talk : () => {},
    paint: painting(process.stderr),
    paintResult: painting(process.stdout),
  };
}

/** https://no-color.org: any non-empty value switches colour off. */
function hasColor(stream: CliStream, env: CliProcess['env'], flags: GlobalFlags): boolean {
  return stream.isTTY === true && !flags.noColor && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}

function canRedraw({ stderr, env }: CliProcess): boolean {
  return stderr.isTTY === true && env['TERM'] !== 'dumb' && !env['CI'];
}

/** JSON has no 64-bit integers; they travel as text. */
function plainNumbers(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}

function endLine(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}
