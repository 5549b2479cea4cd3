import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usableCores } from './usable-cores.ts';

const machine = (files: Record<string, string>) => (path: string) => files[path];

test('without a quota the affinity mask decides', () => {
  assert.equal(usableCores(8, machine({})), 8);
  assert.equal(
    usableCores(8, machine({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' })),
    8,
  );
});

test('a cgroup v2 quota is rounded up', () => {
  const files = { '/proc/self/cgroup': '0::/pod/app\n', '/sys/fs/cgroup/pod/app/cpu.max': '250000 100000\n' };
  assert.equal(usableCores(8, machine(files)), 3);
});

test('the quota of an ancestor counts, and the mount of a container starts at the root', () => {
  const cgroup = { '/proc/self/cgroup': '0::/pod/app\n' };
  assert.equal(usableCores(8, machine({ ...cgroup, '/sys/fs/cgroup/pod/cpu.max': '200000 100000' })), 2);
  assert.equal(usableCores(8, machine({ ...cgroup, '/sys/fs/cgroup/cpu.max': '100000 100000' })), 1);
});

test('a cgroup v1 quota counts where the cpu controller is mounted', () => {
  const files = {
    '/proc/self/cgroup': '5:cpu,cpuacct:/docker/x\n3:memory:/docker/x\n',
    '/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us': '150000\n',
    '/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us': '100000\n',
  };
  assert.equal(usableCores(8, machine(files)), 2);
  const unlimited = { ...files, '/sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us': '-1\n' };
  assert.equal(usableCores(8, machine(unlimited)), 8);
});

test('the smaller of mask and quota counts, and there is always one core', () => {
  const files = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '1000 100000' };
  assert.equal(usableCores(8, machine(files)), 1);
  const wide = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '1600000 100000' };
  assert.equal(usableCores(4, machine(wide)), 4);
});
