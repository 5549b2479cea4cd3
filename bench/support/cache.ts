/** What is made once and kept for later runs, in .cache/bench: built rivals and generated networks. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../.cache/bench', import.meta.url));

/** The file `name` made from the files and folders `sources`; `make` writes it to the path that it is given when there is none. */
export async function cached(
  name: string,
  sources: readonly string[],
  make: (path: string) => void | Promise<void>,
): Promise<string> {
  const path = join(FOLDER, `${await fingerprint(sources)}-${name}`);
  if (existsSync(path)) return path;
  mkdirSync(FOLDER, { recursive: true });
  const unfinished = `${path}.${process.pid}`;
  await make(unfinished);
  renameSync(unfinished, path);
  return path;
}

async function fingerprint(sources: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const source of sources) for (const file of await filesIn(source)) hash.update(await readFile(file));
  return hash.digest('hex').slice(0, 12);
}

async function filesIn(source: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(source, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return [source];
    throw error;
  }
}
