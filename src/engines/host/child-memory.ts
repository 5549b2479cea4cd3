/** How much memory this process uses. Source: proc_pid_smaps(5). */
import { readFileSync } from 'node:fs';
import type { MemoryReport } from '../port.ts';

/** Resident and private bytes of this process, private ones where the kernel tells them. */
export function ownMemory(): MemoryReport {
  try {
    return parseSmapsRollup(readFileSync('/proc/self/smaps_rollup', 'utf8'));
  } catch {
    return { rssBytes: process.memoryUsage.rss(), privateBytes: undefined, anonymousBytes: undefined };
  }
}

/** @param text lines such as `Private_Dirty:     1234 kB` */
export function parseSmapsRollup(text: string): MemoryReport {
  const bytesOf = (name: string): number =>
    1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
  return {
    rssBytes: bytesOf('Rss'),
    privateBytes: bytesOf('Private_Clean') + bytesOf('Private_Dirty'),
    anonymousBytes: bytesOf('Anonymous') + bytesOf('Swap'),
  };
}
