/** Turns what the argument scanner found wrong into SKY_USAGE: what was typed, what was probably meant. */
import { ArgumentScannerError, formatMessageForArgumentScannerError } from '@stricli/core';
import { isSkyliftError, SkyliftError } from '../core/errors.ts';

/** SKY_USAGE for a word that is no command. @param close names that it may have meant, best first */
export function unknownCommand(input: string, close: readonly string[]): SkyliftError {
  return new SkyliftError('SKY_USAGE', `"${input}" is no command`, {
    hint:
      close.length === 0
        ? 'skylift --help lists the commands.'
        : `Did you mean: skylift ${close.join(' | ')}`,
  });
}

/**
 * One SKY_USAGE for everything that is wrong with the arguments of `command`. Other failures pass through.
 * @param origins flags that the command line did not give, and what to call them: a variable, a key of a file
 */
export function wrongArguments(
  command: string,
  failures: readonly unknown[],
  origins: ReadonlyMap<string, string>,
): unknown {
  const strange = failures.find((failure) => !(failure instanceof ArgumentScannerError));
  if (strange !== undefined) return strange;
  const scanned = failures.filter((failure) => failure instanceof ArgumentScannerError);
  const close = scanned.flatMap((failure) => corrections(failure));
  const origin: OriginOf = (flag) => origins.get(flag);
  return new SkyliftError('SKY_USAGE', scanned.map((failure) => describe(failure, origin)).join('\n'), {
    hint: close[0] === undefined ? `skylift ${command} --help` : `Did you mean: --${close[0]}`,
  });
}

function corrections(failure: ArgumentScannerError): readonly string[] {
  return 'corrections' in failure && Array.isArray(failure.corrections)
    ? failure.corrections.map(String)
    : [];
}

/** What gave a flag; undefined when the command line did. */
type OriginOf = (flag: string) => string | undefined;

function describe(failure: ArgumentScannerError, origin: OriginOf): string {
  return formatMessageForArgumentScannerError(failure, {
    FlagNotFoundError: ({ input }) => `--${input} is no flag of this command`,
    AliasNotFoundError: ({ input }) => `-${input} is no flag of this command`,
    ArgumentParseError: ({ externalFlagNameOrPlaceholder: name, input, exception }) =>
      `${JSON.stringify(input)} does not fit ${origin(name) ?? name}: ${reasonOf(exception)}`,
    EnumValidationError: ({ externalFlagName, input, values }) =>
      `${origin(externalFlagName) ?? `--${externalFlagName}`}=${input}: allowed are ${values.join(', ')}`,
    UnexpectedFlagError: ({ externalFlagName, previousInput, input }) =>
      `--${externalFlagName} is given twice: ${previousInput} and ${input}`,
    UnexpectedPositionalError: ({ expectedCount, input }) =>
      `${JSON.stringify(input)} is one argument too many; this command takes ${expectedCount}`,
    UnsatisfiedFlagError: ({ externalFlagName }) => `--${externalFlagName} needs a value`,
    UnsatisfiedPositionalError: ({ placeholder }) => `${placeholder} is missing`,
  });
}

function reasonOf(exception: unknown): string {
  if (isSkyliftError(exception)) return `${exception.message}. ${exception.hint}`;
  return exception instanceof Error ? exception.message : String(exception);
}
