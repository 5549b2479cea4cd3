/** Which models a command line asks for: names and paths, from arguments and from TensorFlow Serving's flags. */
import { existsSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { SkyliftError } from '../core/errors.ts';

export interface ModelFlags {
  readonly model_name?: string;
  readonly model_base_path?: string;
}

/** The name that TensorFlow Serving gives a model without one. */
const DEFAULT_NAME = 'default';
const NAME = /^[A-Za-z0-9][\w.-]*$/;
const NAME_RULE = 'letters, digits, "_", "." and "-", a letter or digit first';
/** What cannot be meant as NAME=PATH: `./x`, `C:\\x`, `s3://x`. */
const PATH_START = /^(?:[./~\\]|[A-Za-z0-9]+:[/\\])/;

/**
 * Served name -> path. An argument is `PATH`, named after its file or folder, or `NAME=PATH`.
 * Throws SKY_USAGE for no model, a name that is given twice or not allowed, or a name without a path.
 */
export function servedModels(
  args: readonly string[],
  flags: ModelFlags = {},
): Readonly<Record<string, string>> {
  const models = new Map<string, string>();
  for (const [name, path] of [...fromFlags(args, flags), ...args.map(named)]) {
    const taken = models.get(name);
    if (taken !== undefined)
      throw new SkyliftError('SKY_USAGE', `two models are named "${name}": ${taken} and ${path}`, {
        hint: `Give one of them another name: other=${path}`,
      });
    models.set(name, path);
  }
  if (models.size === 0)
    throw new SkyliftError('SKY_USAGE', 'no model is given', { hint: 'skylift serve ./model.onnx' });
  return Object.fromEntries(models);
}

/** `./Digits.onnx` -> `Digits`; a numbered version is named after its model's folder. */
export function nameOfPath(path: string): string {
  const absolute = resolve(path);
  const base = basename(absolute);
  const name = /^\d+$/.test(base) ? basename(dirname(absolute)) : base.replace(/\.onnx$/i, '');
  return name === '' ? DEFAULT_NAME : name;
}

/** An equals sign may be part of a path: of one that is written as a path, or that exists. */
function named(argument: string): readonly [string, string] {
  const at = argument.indexOf('=');
  const [name, path] = [argument.slice(0, at), argument.slice(at + 1)];
  if (at >= 0 && NAME.test(name) && path !== '') return [name, path];
  if (at < 0 || PATH_START.test(argument) || existsSync(argument)) return [nameOfPath(argument), argument];
  throw new SkyliftError(
    'SKY_USAGE',
    path === ''
      ? `${argument} has no path behind the equals sign`
      : `"${name}" in ${argument} is no name of a model: ${NAME_RULE}`,
    { hint: `Write NAME=PATH, or ./${argument} if the equals sign is part of the path.` },
  );
}

function fromFlags(args: readonly string[], flags: ModelFlags): (readonly [string, string])[] {
  const { model_base_path: path, model_name: name } = flags;
  if (path !== undefined) return [[name ?? DEFAULT_NAME, path]];
  if (name === undefined) return [];
  const [only] = args;
  const hint = `Write: ${name}=${only ?? 'PATH'}`;
  throw new SkyliftError('SKY_USAGE', `--model_name=${name} goes with --model_base_path, which is missing`, {
    hint,
  });
}
