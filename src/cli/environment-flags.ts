/** Flags in the environment: `SKYLIFT_MAX_BODY_BYTES=1MiB` stands for `--max_body_bytes=1MiB`. The command line wins. */

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable of a flag. @example variableOf('no-color') === 'SKYLIFT_NO_COLOR' */
export function variableOf(flag: string): string {
  return `SKYLIFT_${flag.replaceAll('-', '_').toUpperCase()}`;
}

/** Flag -> text for those of `flags` that the environment gives and `args` do not. Empty variables count as absent. */
export function environmentFlags(
  flags: readonly string[],
  args: readonly string[],
  env: Environment,
): ReadonlyMap<string, string> {
  const given = new Set(args.flatMap((argument) => /^--([^=]+)/.exec(argument)?.[1] ?? []));
  const found = new Map<string, string>();
  if (given.has('help')) return found;
  for (const name of flags) {
    const text = env[variableOf(name)] ?? '';
    if (text !== '' && !given.has(name) && !isServiceLink(name, text)) found.set(name, text);
  }
  return found;
}

/** Kubernetes tells every pod beside a service called "skylift" where it is: SKYLIFT_PORT=tcp://10.0.0.1:8501. */
function isServiceLink(name: string, text: string): boolean {
  return name === 'port' && text.startsWith('tcp://');
}
