/** Small text files of the store that hold one digest each: names -> package, imported bytes -> package. */
import { join } from 'node:path';
import { SkyliftError } from '../core/errors.ts';
import { createFile, withRegularFile } from './file-copy.ts';
import { isAbsence } from './file-failure.ts';
import type { FilePort } from './file-port.ts';

const DIGEST = /^[0-9a-f]{64}$/;
const RECORD_BYTES = 65; // 64 hex digits and a newline
const NEW_RECORD = 'record'; // in tmp/, by one writer at a time

/** True for 64 lower-case hex digits; only such text is ever joined to a path of the store. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** Throws SKY_REF_INVALID unless `text` is a digest. */
export function requireDigestText(text: string): void {
  if (isDigest(text)) return;
  throw new SkyliftError('SKY_REF_INVALID', `${JSON.stringify(text)} is not a sha256 digest`, {
    hint: 'A digest has 64 lower-case hex digits.',
  });
}

/** The digest in the record at `path`; undefined when there is none, `'damaged'` when it holds something else. */
export async function readRecord(files: FilePort, path: string): Promise<string | undefined> {
  try {
    const facts = await files.linkFacts(path);
    if (facts.kind !== 'file') return 'damaged';
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  return withRegularFile(files, path, async (file) => {
    const buffer = new Uint8Array(RECORD_BYTES + 1);
    const text = new TextDecoder().decode(buffer.subarray(0, await file.read(buffer)));
    return text.endsWith('\n') && isDigest(text.slice(0, -1)) ? text.slice(0, -1) : 'damaged';
  });
}

/** The records of a folder. What goes meanwhile is left out. */
export async function listRecords(
  files: FilePort,
  folder: string,
): Promise<{ readonly name: string; readonly digest: string }[]> {
  const records: { name: string; digest: string }[] = [];
  for (const name of await files.list(folder)) {
    const digest = await readRecord(files, join(folder, name));
    if (digest !== undefined) records.push({ name, digest });
  }
  return records;
}

/** Replaces the record `name` in `folder` by rename. Call with the store's lock held. */
export async function writeRecord(
  files: FilePort,
  tmpDir: string,
  { folder, name, digest }: { readonly folder: string; readonly name: string; readonly digest: string },
): Promise<void> {
  const fresh = join(tmpDir, NEW_RECORD);
  await files.remove(fresh); // of a writer that failed
  await createFile(files, fresh, new TextEncoder().encode(`${digest}\n`));
  await files.rename(fresh, join(folder, name));
  await files.syncFolder(folder);
}
