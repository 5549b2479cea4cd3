/** CPU time of processes from /proc (proc(5)), the honest cost of a request on a shared machine. Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks per second of /proc/PID/stat; the kernel's USER_HZ is 100 on every platform that Node supports. */
const TICKS_PER_SECOND = 100;

export interface CpuTimes {
  /** User and system time of all given processes that still exist, milliseconds, in steps of 10 ms. */
  readonly totalMs: number;
  readonly byPid: ReadonlyMap<number, number>;
}

interface ProcessStat {
  readonly parent: number;
  readonly cpuMs: number;
}

/** CPU time that `pids` have used so far, without their children. A process that is gone is left out. */
export function cpuTimes(pids: readonly number[]): CpuTimes {
  const byPid = new Map<number, number>();
  for (const pid of pids) {
    const stat = readStat(pid);
    if (stat) byPid.set(pid, stat.cpuMs);
  }
  return { totalMs: [...byPid.values()].reduce((sum, cpuMs) => sum + cpuMs, 0), byPid };
}

/** CPU time used between two readings by the processes that were there both times, milliseconds. */
export function cpuBetween(before: CpuTimes, after: CpuTimes): number {
  return [...after.byPid].reduce((sum, [pid, cpuMs]) => sum + cpuMs - (before.byPid.get(pid) ?? cpuMs), 0);
}

/** `root` and all processes below it: a server and its engines. Empty where there is no /proc. */
export function processTree(root: number): readonly number[] {
  const parents = new Map(listPids().map((pid) => [pid, readStat(pid)?.parent] as const));
  const tree = parents.has(root) ? [root] : [];
  for (const pid of tree)
    tree.push(...[...parents].filter(([, parent]) => parent === pid).map(([child]) => child));
  return tree;
}

/** Reads the fields of /proc/PID/stat that stand behind the name, which may hold blanks and brackets. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' '); // from field 3, state
  const [parent, userTicks, systemTicks] = [fields[1], fields[11], fields[12]].map(Number);
  const ticks = (userTicks ?? Number.NaN) + (systemTicks ?? Number.NaN);
  if (parent === undefined || !Number.isInteger(parent) || !Number.isInteger(ticks)) return undefined;
  return { parent, cpuMs: (ticks * 1000) / TICKS_PER_SECOND };
}

function readStat(pid: number): ProcessStat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

function listPids(): number[] {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}
