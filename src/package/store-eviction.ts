/** Which packages leave a store that is a cache: how much they weigh, when they were needed, who goes first. */
import { join } from 'node:path';
import { isAbsence } from './file-failure.ts';
import type { FilePort } from './file-port.ts';
import { isDigest, listRecords } from './records.ts';
import type { StoreLayout } from './store-dir.ts';

/** A package that only imports lead to. */
export interface StoredTree {
  readonly digest: string;
  readonly sizeBytes: number;
  /** Milliseconds since the epoch; 0 when no import leads to it. */
  readonly usedAtMs: number;
}

/**
 * Digests of those that go so that the others have at most `maxBytes`: first those that were needed longest ago. Pure.
 * @param keep is counted, but stays
 */
export function planEviction(trees: readonly StoredTree[], maxBytes: number, keep?: string): string[] {
  let bytes = trees.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const leaving: string[] = [];
  for (const { digest, sizeBytes } of trees.toSorted((a, b) => a.usedAtMs - b.usedAtMs)) {
    if (bytes <= maxBytes) break;
    if (digest === keep) continue;
    leaving.push(digest);
    bytes -= sizeBytes;
  }
  return leaving;
}

/** Of every package without a name. What goes meanwhile is left out. Throws errors of node:fs. */
export async function weighTrees(files: FilePort, layout: StoreLayout): Promise<StoredTree[]> {
  const named = new Set((await listRecords(files, layout.refs)).map(({ digest }) => digest));
  const usedAtMs = new Map<string, number>();
  for (const { name, digest } of await listRecords(files, layout.imports)) {
    const { modifiedAtMs = 0 } = (await orAbsent(files.linkFacts(join(layout.imports, name)))) ?? {};
    usedAtMs.set(digest, Math.max(modifiedAtMs, usedAtMs.get(digest) ?? 0));
  }
  const trees: StoredTree[] = [];
  for (const digest of (await files.list(layout.trees)).filter(isDigest)) {
    if (named.has(digest)) continue;
    const sizeBytes = await orAbsent(folderBytes(files, join(layout.trees, digest)));
    if (sizeBytes !== undefined) trees.push({ digest, sizeBytes, usedAtMs: usedAtMs.get(digest) ?? 0 });
  }
  return trees;
}

/** Forgets the imports that lead to one of `digests`. Call with the store's lock held. Throws errors of node:fs. */
export async function removeImports(
  files: FilePort,
  layout: StoreLayout,
  digests: ReadonlySet<string>,
): Promise<void> {
  for (const { name, digest } of await listRecords(files, layout.imports))
    if (digests.has(digest)) await files.remove(join(layout.imports, name));
  await files.syncFolder(layout.imports);
}

async function folderBytes(files: FilePort, folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await files.list(folder)) bytes += (await files.linkFacts(join(folder, name))).sizeBytes;
  return bytes;
}

async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
}
