import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import fc from 'fast-check';
import { cpuBetween, cpuTimes, parseStat, processTree } from './cpu-times.ts';

const onLinux = { skip: process.platform === 'linux' ? false : 'needs /proc' };

test('fields behind a name are found whatever the name holds', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 15 }), fc.nat(), fc.nat(), (name, user, system) => {
      const text = `77 (${name}) S 42 1 1 0 -1 0 1 2 3 4 ${user} ${system} 0 0 20 0 1 0`;
      assert.deepEqual(parseStat(text), { parent: 42, cpuMs: (user + system) * 10 });
    }),
  );
});

test('text that is cut off gives nothing', () => {
  assert.equal(parseStat('77 (node) S 42 1'), undefined);
  assert.equal(parseStat(''), undefined);
});

test('CPU time grows with work', onLinux, () => {
  const before = cpuTimes([process.pid]);
  const start = process.cpuUsage();
  while (process.cpuUsage(start).user < 80_000);
  const spentMs = cpuBetween(before, cpuTimes([process.pid]));
  assert.ok(spentMs >= 60 && spentMs < 10_000, `${spentMs} ms`);
});

test('a process that is gone is left out', onLinux, () => {
  assert.equal(cpuTimes([2 ** 30]).byPid.size, 0);
});

test('the tree of a process holds its children', onLinux, async (t) => {
  const child = spawn(process.execPath, ['-e', 'console.log(1); setInterval(() => {}, 1000)']);
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  assert.ok(processTree(process.pid).includes(child.pid ?? 0));
  assert.ok(!processTree(child.pid ?? 0).includes(process.pid));
});
