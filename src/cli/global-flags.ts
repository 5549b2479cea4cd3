/** Flags that every command has, before or after its name. They are taken out first: how errors look depends on them. */
import { variableOf } from './environment-flags.ts';
import type { Environment } from './environment-flags.ts';

export interface GlobalFlags {
  /** One JSON document on stdout, errors included. */
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  /** Stacks of unexpected errors. */
  readonly debug: boolean;
  readonly noColor: boolean;
}

interface GlobalFlagSpec {
  readonly flag: string;
  readonly key: keyof GlobalFlags;
  readonly brief: string;
}

/** The flags for help and completion. */
export const GLOBAL_FLAGS: readonly GlobalFlagSpec[] = [
  { flag: '--json', key: 'json', brief: 'One JSON document on stdout, errors included' },
  { flag: '--quiet', key: 'quiet', brief: 'Only results and errors' },
  { flag: '--verbose', key: 'verbose', brief: 'More talk on stderr' },
  { flag: '--debug', key: 'debug', brief: 'Stacks of unexpected errors' },
  { flag: '--no-color', key: 'noColor', brief: 'No colour (as NO_COLOR, TERM=dumb)' },
];

/**
 * Takes the global flags out of a command line, or of the environment, and spells the names of all other flags with
 * underscores, so that `--rest-api-port` and `--rest_api_port` are the same flag. Nothing after `--` is touched.
 */
export function splitGlobalFlags(
  argv: readonly string[],
  env: Environment,
): {
  readonly globals: GlobalFlags;
  readonly rest: readonly string[];
} {
  const escape = argv.indexOf('--');
  const own = escape === -1 ? argv : argv.slice(0, escape);
  const escaped = escape === -1 ? [] : argv.slice(escape);
  const given = new Set(own.flatMap((argument) => globalKey(argument) ?? []));
  for (const { flag, key } of GLOBAL_FLAGS) if (isOn(env[variableOf(flag.slice(2))])) given.add(key);
  const globals: GlobalFlags = {
    json: given.has('json'),
    quiet: given.has('quiet'),
    verbose: given.has('verbose'),
    debug: given.has('debug'),
    noColor: given.has('noColor'),
  };
  const rest = own.filter((argument) => globalKey(argument) === undefined).flatMap(withUnderscores);
  return { globals, rest: [...rest, ...escaped] };
}

function isOn(text: string | undefined): boolean {
  return text === '1' || text === 'true';
}

function globalKey(argument: string): keyof GlobalFlags | undefined {
  return GLOBAL_FLAGS.find(({ flag }) => flag === argument || flag === argument.replaceAll('_', '-'))?.key;
}

/** `--rest-api-port=1` -> `--rest_api_port=1`; values and other arguments stay as they are. */
function withUnderscores(argument: string): readonly string[] {
  const [, name, value] = /^--([a-z][^=]*)(?:=([^]*))?$/i.exec(argument) ?? [];
  if (name === undefined) return [argument];
  const flag = `--${name.replaceAll('-', '_')}`;
  if (value === '') return [flag, '']; // the scanner would take `--name=` for a path
  return [value === undefined ? flag : `${flag}=${value}`];
}
