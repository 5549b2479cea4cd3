/** How many cores this process may really use: the smaller of the affinity mask and the cgroup's CPU quota. */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Reads a small text file, or undefined when it is not there; a port so that tests can play other machines. */
export type ReadText = (path: string) => string | undefined;

/**
 * Affinity mask and cgroup quota (v2 `cpu.max`, v1 `cpu.cfs_quota_us`) of this process and its ancestors, quota rounded up; at least 1.
 * `availableParallelism` respects the mask, but not every quota.
 */
export function usableCores(
  affinity: number = availableParallelism(),
  readText: ReadText = readFile,
): number {
  const quotas = [...quotasV2(readText), ...quotasV1(readText)];
  return Math.max(1, Math.min(affinity, ...quotas.map((quota) => Math.ceil(quota))));
}

/** `cpu.max` holds `max 100000` or `200000 100000`: microseconds of quota in each period. */
function quotasV2(readText: ReadText): number[] {
  const path = cgroupPath(readText, (controllers) => controllers === '');
  return ancestors(path).flatMap((folder) => {
    const [quota, period] = (readText(`/sys/fs/cgroup${folder}/cpu.max`) ?? '').trim().split(/\s+/);
    return asQuota(quota, period);
  });
}

function quotasV1(readText: ReadText): number[] {
  const path = cgroupPath(readText, (controllers) => controllers.split(',').includes('cpu'));
  const mounts = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct'];
  return mounts.flatMap((mount) =>
    ancestors(path).flatMap((folder) =>
      asQuota(
        readText(`${mount}${folder}/cpu.cfs_quota_us`),
        readText(`${mount}${folder}/cpu.cfs_period_us`),
      ),
    ),
  );
}

function asQuota(quota: string | undefined, period: string | undefined): number[] {
  const cores = Number(quota) / Number(period);
  return Number.isFinite(cores) && cores > 0 ? [cores] : [];
}

/** `/proc/self/cgroup` lines are `id:controllers:path`. */
function cgroupPath(readText: ReadText, isWanted: (controllers: string) => boolean): string {
  for (const line of (readText('/proc/self/cgroup') ?? '').split('\n')) {
    const [, controllers, ...path] = line.split(':');
    if (controllers !== undefined && isWanted(controllers)) return path.join(':');
  }
  return '/';
}

/** `/a/b` -> `/a/b`, `/a`, `` (a limit of any ancestor counts; inside a container the mount may start at the root). */
function ancestors(path: string): string[] {
  const parts = path.split('/').filter((part) => part !== '' && part !== '..');
  return [...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`), ''];
}

function readFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
