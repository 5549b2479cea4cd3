/** Looks at a folder from outside to tell whether somebody still writes to it: names, sizes and times, never contents. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { VersionLook } from '../versions/version-work.ts';

/** Entries that are looked at; folders with more are judged by these, and refused when they are opened. */
const MOST_ENTRIES = 20_000;
const DEEPEST = 16;

interface Walk {
  readonly revision: ReturnType<typeof createHash>;
  newestMs: number;
  left: number;
}

/**
 * Symbolic links count as what they lead to. The time of the last change of the inode is what counts: copying tools set
 * the time of the content back. undefined when there is no such folder.
 * @param wallMs now, milliseconds since the epoch
 */
export async function lookAtFiles(folder: string, wallMs: number): Promise<VersionLook | undefined> {
  if (!existsSync(folder)) return undefined;
  const walk: Walk = { revision: createHash('sha256'), newestMs: 0, left: MOST_ENTRIES };
  await visit(folder, 0, walk);
  return { revision: walk.revision.digest('base64'), quietMs: wallMs - walk.newestMs };
}

/** What cannot be read is part of the picture: whoever opens the files will say why. */
async function visit(path: string, depth: number, walk: Walk): Promise<void> {
  if (walk.left-- <= 0 || depth > DEEPEST) return;
  try {
    const facts = await stat(path);
    walk.newestMs = Math.max(walk.newestMs, facts.ctimeMs);
    walk.revision.update(`${path}\n${facts.ino} ${facts.size} ${facts.mtimeMs} ${facts.ctimeMs}\n`);
    if (!facts.isDirectory()) return;
    for (const name of (await readdir(path)).sort()) await visit(join(path, name), depth + 1, walk);
  } catch {
    walk.revision.update(`${path}\nunreadable\n`);
  }
}
