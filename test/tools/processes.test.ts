/** What a process has started is seen; otherwise the checks for leftovers would mean nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { CAN_SEE_PROCESSES, descendantsOf, isRunning } from '../../tools/support/processes.ts';

const skip = !CAN_SEE_PROCESSES && 'needs /proc';

/** Starts a child of its own that reads stdin until it is closed, then says so. */
const PARENT = `
  const child = require('node:child_process').spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
  child.on('spawn', () => console.log(child.pid));
  process.stdin.on('end', () => { child.stdin.end(); }).resume();
`;

test('children of children are seen while they run and not after', { skip }, async () => {
  const parent = spawn(process.execPath, ['-e', PARENT], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  const child = Number(line.toString());
  assert.deepEqual(descendantsOf(process.pid).includes(child), true);
  assert.deepEqual(descendantsOf(parent.pid ?? 0), [child]);
  assert.equal(isRunning(child), true);
  parent.stdin.end();
  await once(parent, 'close');
  assert.equal(isRunning(child), false);
});
