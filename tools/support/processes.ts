/** Which processes a process has started, read from /proc; nothing is known on other platforms. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';

/** True where `descendantsOf` sees anything. */
export const CAN_SEE_PROCESSES = existsSync('/proc/self/stat');

/** Children, grandchildren and so on of `pid`; empty where the platform has no /proc. */
export function descendantsOf(pid: number): readonly number[] {
  if (!CAN_SEE_PROCESSES) return [];
  const childrenOf = Map.groupBy(runningProcesses(), (each) => each.parent);
  const found: number[] = [];
  const waiting = [pid];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const children = (childrenOf.get(next) ?? []).map((child) => child.pid);
    found.push(...children);
    waiting.push(...children);
  }
  return found;
}

/** A process that has ended but was not collected by its parent yet does not count. */
export function isRunning(pid: number): boolean {
  const stat = readStat(String(pid));
  return stat !== undefined && stat.state !== 'Z';
}

/** Ends processes at once. Those that have ended already do not matter. */
export function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it was faster
    }
  }
}

/** What a process was started with, `` when it has ended. */
export function commandLineOf(pid: number): string {
  return readProc(`${pid}/cmdline`)?.replaceAll('\0', ' ') ?? '';
}

function runningProcesses(): { pid: number; parent: number }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const stat = readStat(name);
      return stat === undefined ? [] : [{ pid: Number(name), parent: stat.parent }];
    });
}

/** `/proc/PID/stat`: `PID (name) state parent …`; the name may hold anything, so the last `)` ends it. */
function readStat(pid: string): { state: string; parent: number } | undefined {
  const text = readProc(`${pid}/stat`);
  if (text === undefined) return undefined;
  const [state = '', parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { state, parent: Number(parent) };
}

function readProc(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, 'utf8');
  } catch {
    return undefined; // the process has ended
  }
}
