/** Which models a command line asks for: names and paths, from arguments and from TensorFlow Serving's flags. */
import { basename, dirname, resolve } from 'node:path';
import { SkyliftError } from '../core/errors.ts';

export interface ModelFlags {
  readonly model_name?: string;
  readonly model_base_path?: string;
}

/** The name that TensorFlow Serving gives a model without one. */
const DEFAULT_NAME = 'default';
const NAMED = /^([A-Za-z0-9][\w.-]*)=(.+)$/;

/**
 * Served name -> path. An argument is `PATH`, named after its file or folder, or `NAME=PATH`.
 * Throws SKY_USAGE for no model, a name that is given twice, or a name without a path.
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

function named(argument: string): readonly [string, string] {
  const match = NAMED.exec(argument);
  return match?.[1] !== undefined && match[2] !== undefined
    ? [match[1], match[2]]
    : [nameOfPath(argument), argument];
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
