/** The file operations that the store needs, as a port: production uses the disk, tests fail the n-th operation. */
import { constants } from 'node:fs';
import { lstat, mkdir, mkdtemp, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from './file-failure.ts';

/** What a path or open file is. */
export interface FileFacts {
  readonly kind: 'file' | 'directory' | 'link' | 'other';
  readonly sizeBytes: number;
  /** Number of hard links. */
  readonly links: number;
  /** Numeric owner; 0 on platforms without. */
  readonly owner: number;
  /** Permission bits. */
  readonly mode: number;
  /** When the content changed, or `touch` said so; milliseconds since the epoch. */
  readonly modifiedAtMs: number;
}

/** One open file. */
export interface OpenFile {
  facts(): Promise<FileFacts>;
  /** Reads on from the last position into `buffer`; 0 at the end. */
  read(buffer: Uint8Array): Promise<number>;
  /** Writes a part of `bytes`, at least one, and says how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Returns when the bytes are on the device. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Errors are those of node:fs, with `code`. */
export interface FilePort {
  /** Opens for reading. A symbolic link is refused (ELOOP); a FIFO does not block. */
  openForReading(path: string): Promise<OpenFile>;
  /** Creates a file that must not exist. @param mode default: read-only for everybody but this descriptor */
  create(path: string, mode?: number): Promise<OpenFile>;
  /** Follows symbolic links. */
  facts(path: string): Promise<FileFacts>;
  /** Does not follow a symbolic link at the end. */
  linkFacts(path: string): Promise<FileFacts>;
  /** Names in a folder, in no order. */
  list(path: string): Promise<readonly string[]>;
  /** With the parents that are missing, all of them with `mode` less the umask; an existing folder is fine. */
  makeFolder(path: string, mode: number): Promise<void>;
  /** A new folder of this user alone whose name starts with `prefix`; returns its path. */
  makeUniqueFolder(prefix: string): Promise<string>;
  rename(from: string, to: string): Promise<void>;
  /** Returns when the bytes of a file that somebody else wrote are on the device. */
  syncFile(path: string): Promise<void>;
  /** Sets `modifiedAtMs` to now. */
  touch(path: string): Promise<void>;
  /** Removes a file or a folder with all that is in it; fine when there is none. */
  remove(path: string): Promise<void>;
  /** Makes the names in a folder durable. Nothing happens where the platform has no such call (Windows). */
  syncFolder(path: string): Promise<void>;
}

const READ_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const READ_ONLY = 0o444;

/** The disk. */
export const diskFiles: FilePort = {
  openForReading: async (path) => openFile(await open(path, READ_FLAGS)),
  create: async (path, mode = READ_ONLY) => openFile(await open(path, 'wx', mode)),
  facts: async (path) => factsOf(await stat(path)),
  linkFacts: async (path) => factsOf(await lstat(path)),
  list: (path) => readdir(path),
  makeFolder,
  makeUniqueFolder: (prefix) => mkdtemp(prefix),
  rename,
  async syncFile(path) {
    await using file = await open(path, 'r+'); // Windows flushes only what may be written
    await file.sync();
  },
  async touch(path) {
    const now = new Date();
    await utimes(path, now, now);
  },
  remove: (path) => rm(path, { recursive: true, force: true }),
  async syncFolder(path) {
    if (process.platform === 'win32') return;
    await using folder = await open(path, constants.O_RDONLY);
    await folder.sync();
  },
};

/** Not `recursive`: node's own tries for ever where a parent exists and still nothing can be made in it, as in /proc. */
async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await makeOneFolder(path, mode);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
    await makeFolder(dirname(path), mode);
    await makeOneFolder(path, mode);
  }
}

async function makeOneFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const isThere = errnoOf(error) === 'EEXIST' && (await stat(path)).isDirectory();
    if (!isThere) throw error;
  }
}

function openFile(handle: FileHandle): OpenFile {
  return {
    facts: async () => factsOf(await handle.stat()),
    read: async (buffer) => (await handle.read(buffer, 0, buffer.length)).bytesRead,
    write: async (bytes) => (await handle.write(bytes, 0, bytes.length)).bytesWritten,
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

function factsOf(stats: Stats): FileFacts {
  return {
    kind: kindOf(stats),
    sizeBytes: stats.size,
    links: stats.nlink,
    owner: stats.uid,
    mode: stats.mode & 0o777,
    modifiedAtMs: stats.mtimeMs,
  };
}

function kindOf(stats: Stats): FileFacts['kind'] {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'link' : 'other';
}
