/** The flags that the file of `skylift serve --config` gives and neither the command line nor the environment do. */
export interface FileFlags {
  readonly args: readonly string[];
  /** Flag -> what to call it in an error. */
  readonly origins: ReadonlyMap<string, string>;
}

export const NO_FILE: FileFlags = { args: [], origins: new Map() };

/** Throws SKY_CONFIG_INVALID. @param flags names that the file may give */
export async function fileFlags(
  flags: readonly string[],
  args: readonly string[],
  fromEnvironment: ReadonlyMap<string, string>,
): Promise<FileFlags> {
  const given = new Set(args.flatMap((argument) => /^--([^=]+)/.exec(argument)?.[1] ?? []));
  const path = configPath(args) ?? fromEnvironment.get('config');
  if (path === undefined || path === '' || given.has('help')) return NO_FILE;
  const { readServeConfig } = await import('./serve-config.ts');
  const config = await readServeConfig(path, flags);
  const taken = [...config.flags].filter(([flag]) => !given.has(flag) && !fromEnvironment.has(flag));
  return {
    args: taken.flatMap(([flag, texts]) => texts.map((text) => `--${flag}=${text}`)),
    origins: new Map(taken.map(([flag]) => [flag, `"${flag}" in ${path}`])),
  };
}

/** Of `--config=PATH` or `--config PATH`. */
function configPath(args: readonly string[]): string | undefined {
  const at = args.findIndex((argument) => argument === '--config' || argument.startsWith('--config='));
  if (at < 0) return undefined;
  return args[at] === '--config' ? args[at + 1] : args[at]?.slice('--config='.length);
}
