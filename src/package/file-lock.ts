/**
 * A lock between processes that the kernel ends with its holder: an open exclusive transaction of SQLite on an empty file.
 * Node has no flock; a file with a process id in it lies after a crash and across containers. Works on local file systems.
 * No other code may open a lock file: closing any descriptor of it would drop the lock (POSIX, fcntl).
 * Source: https://sqlite.org/lockingv3.html
 */
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { SkyliftError } from '../core/errors.ts';
import { formatMs } from '../core/units.ts';
import { fileFailure } from './file-failure.ts';

const SQLITE_BUSY = 5;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

export interface FileLock {
  release(): void;
}

/** Waits; a port, so that tests need no time. */
export type Pause = (durationMs: number) => Promise<unknown>;

/** Takes the lock at `path`, creating the file; undefined when somebody holds it. Throws SKY_STORE_IO. */
export function tryLock(path: string): FileLock | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 0 });
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE'); // no journal file: nothing is ever written
  } catch (error) {
    database?.close();
    if (isBusy(error)) return undefined;
    throw fileFailure(`lock ${path}`, error);
  }
  const held = database;
  return { release: () => held.close() };
}

/** Runs `action` under the lock at `path`. Throws SKY_STORE_LOCKED when it is not free within `waitMs`. */
export async function withLock<T>(
  path: string,
  action: () => Promise<T>,
  { waitMs, pause = sleep }: { readonly waitMs: number; readonly pause?: Pause },
): Promise<T> {
  const lock = await acquire(path, waitMs, pause);
  try {
    return await action();
  } finally {
    lock.release();
  }
}

async function acquire(path: string, waitMs: number, pause: Pause): Promise<FileLock> {
  let pauseMs = FIRST_PAUSE_MS;
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    const lock = tryLock(path);
    if (lock) return lock;
    if (waitedMs >= waitMs)
      throw new SkyliftError(
        'SKY_STORE_LOCKED',
        `${path} is held by another process for ${formatMs(waitMs)}`,
      );
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
    await pause(pauseMs);
  }
}

/** Extended result codes carry the primary one in the low byte. */
function isBusy(error: unknown): boolean {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'errcode') : undefined;
  return typeof code === 'number' && (code & 0xff) === SQLITE_BUSY;
}
