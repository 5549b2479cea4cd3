/**
 * Reads a command line of `tensorflow_model_server` as the original does (tensorflow/core/util/command_line_flags.cc):
 * `--name=value`, bare `--bool`, and besides `--name value`. What is unknown is kept aside, not refused.
 */
import { TENSORFLOW_FLAGS } from './tensorflow-flags.ts';
import type { TensorflowFlag } from './tensorflow-flags.ts';

export interface TensorflowCommandLine {
  /** Text of the flags that were given, checked against their type; the last one wins. */
  readonly given: ReadonlyMap<string, string>;
  readonly unknown: readonly string[];
  /** What does not fit, in the original's words. */
  readonly failures: readonly string[];
}

const FLAGS: ReadonlyMap<string, TensorflowFlag> = new Map(TENSORFLOW_FLAGS.map((flag) => [flag.name, flag]));

const FORMS: Readonly<Record<TensorflowFlag['type'], RegExp>> = {
  string: /^[^]*$/,
  bool: /^(?:true|false)$/,
  integer: /^-?\d{1,10}$/,
  float: /^-?\d+(?:\.\d+)?(?:e-?\d+)?$/i,
};

/** Never throws. */
export function parseTensorflowCommandLine(argv: readonly string[]): TensorflowCommandLine {
  const given = new Map<string, string>();
  const unknown: string[] = [];
  const failures: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] ?? '';
    const [, name = '', inline] = /^--([^=]+)(?:=([^]*))?$/.exec(argument) ?? [];
    const flag = FLAGS.get(name.replaceAll('-', '_')); // no flag of the original has a dash
    if (!flag) {
      unknown.push(argument);
      continue;
    }
    const value = inline ?? valueBehind(flag, argv[i + 1]);
    if (inline === undefined && value !== undefined && value === argv[i + 1]) i++;
    const text = value ?? (flag.type === 'bool' ? 'true' : undefined);
    if (text !== undefined && FORMS[flag.type].test(text)) given.set(flag.name, text);
    else failures.push(`Couldn't interpret value ${text ?? ''} for flag ${name}.`);
  }
  return { given, unknown, failures };
}

/** The next argument, where it can only be the value of `flag`. */
function valueBehind({ type }: TensorflowFlag, next: string | undefined): string | undefined {
  if (next === undefined || next.startsWith('--')) return undefined;
  return type === 'bool' && !FORMS.bool.test(next) ? undefined : next;
}
