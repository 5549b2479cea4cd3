/** Globs over names of models: `*` stands for any characters, everything else for itself. Linear, whatever the pattern. */

/** True for names that one of `globs` matches. None of them: false for all names. */
export function matcherOf(globs: readonly string[]): (name: string) => boolean {
  if (globs.includes('*')) return () => true;
  const matchers = globs.map(globMatcher);
  return (name) => matchers.some((matches) => matches(name));
}

function globMatcher(glob: string): (name: string) => boolean {
  const [prefix = '', ...rest] = glob.split(/\*+/);
  const suffix = rest.pop();
  if (suffix === undefined) return (name) => name === glob;
  return (name) => {
    if (!name.startsWith(prefix)) return false;
    const end = name.length - suffix.length;
    const position = rest.reduce((from, part) => after(name, part, from), prefix.length);
    return position <= end && name.endsWith(suffix);
  };
}

/** The place behind the first `part` from `from` on; beyond every end when there is none. */
function after(name: string, part: string, from: number): number {
  const at = name.indexOf(part, from);
  return at === -1 ? Infinity : at + part.length;
}
