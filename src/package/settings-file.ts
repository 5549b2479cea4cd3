/** Files that people write for a server, read whole and with bounds. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { SkyliftError } from '../core/errors.ts';
import { formatBytes } from '../core/units.ts';

/** A file as it was at one moment. */
export interface SettingsFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Permission bits. */
  readonly mode: number;
}

/** Symbolic links are followed: Kubernetes swaps one to change a secret or a config map. A FIFO must not block. */
const READ_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** Throws SKY_CONFIG_INVALID when it cannot be read or has more than `maxBytes`. @param hint what to do when it cannot be read */
export async function readSettingsFile(path: string, maxBytes: number, hint: string): Promise<SettingsFile> {
  try {
    await using file = await open(path, READ_FLAGS);
    const facts = await file.stat();
    if (!facts.isFile()) throw invalid(`${path} is not a regular file`);
    if (facts.size > maxBytes)
      throw invalid(`${path} has ${formatBytes(facts.size)}, more than ${formatBytes(maxBytes)}`);
    const buffer = Buffer.alloc(facts.size + 1); // one more shows that the file grew
    let length = 0;
    for (let more = 1; more > 0 && length < buffer.length; length += more)
      more = (await file.read(buffer, length)).bytesRead;
    if (length !== facts.size) throw invalid(`${path} changed while it was read`);
    return { path, bytes: buffer.subarray(0, length), mode: facts.mode & 0o777 };
  } catch (error) {
    if (error instanceof SkyliftError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw invalid(`cannot read ${path}: ${reason}`, { cause: error, hint });
  }
}

/** What to do when one cannot be read. */
export const UNREADABLE_HINT = 'Check the path, and that this user may read the file.';

/** As `readSettingsFile`, for text. Throws SKY_CONFIG_INVALID, also for bytes that are no UTF-8. */
export async function readSettingsText(path: string, maxBytes: number): Promise<string> {
  return settingsText(await readSettingsFile(path, maxBytes, UNREADABLE_HINT));
}

/** Throws SKY_CONFIG_INVALID for bytes that are no UTF-8. */
export function settingsText({ path, bytes }: SettingsFile): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw invalid(`${path} is not UTF-8`, { cause, hint: 'Save it as UTF-8.' });
  }
}

function invalid(message: string, options?: { cause?: unknown; hint: string }): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', message, options);
}
