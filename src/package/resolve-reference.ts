/** From what a user wrote to a path of this machine. */
import { existsSync } from 'node:fs';
import { SkyliftError } from '../core/errors.ts';
import { parseReference, requireLocal } from './reference.ts';
import type { PackageStore } from './store.ts';

/**
 * The path that a reference stands for: what exists under that very path, else the package of that name in the store.
 * Throws SKY_REF_INVALID, SKY_MODEL_NOT_FOUND, SKY_NOT_SUPPORTED_YET for remote references and for versions of names.
 */
export async function resolveReference(
  text: string,
  openStore: () => Promise<PackageStore>,
): Promise<string> {
  if (existsSync(text)) return text;
  const reference = requireLocal(parseReference(text));
  if (reference.kind === 'path') return reference.path;
  if (reference.version.kind !== 'latest')
    throw new SkyliftError('SKY_NOT_SUPPORTED_YET', `${text}: the store keeps one version of each name`, {
      hint: `Write ${reference.name}, or the path of a folder with numbered versions.`,
    });
  return (await (await openStore()).resolve(reference.name)).dir;
}
