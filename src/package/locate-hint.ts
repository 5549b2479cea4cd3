/** Explains a folder without versions: what is in it, and the exact commands that make it servable. */
import { SkyliftError } from '../core/errors.ts';
import { isModelFileName } from './model-files.ts';

const MAX_NAMES = 5;
const VERSION_LIKE = /^v?0*([0-9]{1,18})(?:\.0+)*$/i;
const NEEDS_NO_QUOTES = /^[A-Za-z0-9_./@%+=:,-]+$/;

interface Entries {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** SKY_MODEL_NO_VERSIONS for the folder `path` with these entries. */
export function explainNoVersions(path: string, { files, folders }: Entries): SkyliftError {
  const almost = folders.find((name) => VERSION_LIKE.test(name));
  return new SkyliftError(
    'SKY_MODEL_NO_VERSIONS',
    `no servable version under ${path}; ${describeEntries([...files, ...folders])}`,
    {
      hint:
        almost === undefined
          ? hintFor(path, files, folders)
          : `A version is a folder named 0, 1, 2 …, not "${almost}": ${renameLine(path, almost)}`,
    },
  );
}

function describeEntries(names: readonly string[]): string {
  if (names.length === 0) return 'the folder is empty';
  const more = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return `found ${names.slice(0, MAX_NAMES).join(', ')}${more} directly in the folder`;
}

function hintFor(path: string, files: readonly string[], folders: readonly string[]): string {
  const [model, ...otherModels] = files.filter(isModelFileName);
  if (model !== undefined && otherModels.length > 0)
    return `Serve one model by its own path, as ${quote(`${path}/${model}`)}.`;
  const names = [...files, ...folders];
  const target = quote(`${path}/1`);
  if (names.length === 0) return `Put a model into a numbered folder: mkdir ${target}`;
  if (names.length > MAX_NAMES) return `Make a numbered folder, mkdir ${target}, and move the model into it.`;
  const sources = names.map((name) => quote(`${path}/${name}`));
  return `Versions are folders named 0, 1, 2 …: mkdir ${target} && mv ${sources.join(' ')} ${target}/`;
}

function renameLine(path: string, name: string): string {
  const version = VERSION_LIKE.exec(name)?.[1] ?? '1';
  return `mv ${quote(`${path}/${name}`)} ${quote(`${path}/${version}`)}`;
}

/** For a POSIX shell. */
function quote(text: string): string {
  return NEEDS_NO_QUOTES.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
