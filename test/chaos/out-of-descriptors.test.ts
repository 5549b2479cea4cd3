/** A front that has no file descriptor left cannot start engines, and lives on. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';

const at = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Leaves 0, 1, 2 ... descriptors free, tries to launch an engine each time, and prints what came of it. */
const SCRIPT = `
import { closeSync, openSync } from 'node:fs';
import { echoLauncher } from '${at('../support/echo-engine.ts')}';
import { systemClock } from '${at('../../src/core/clock.ts')}';
import { silentLog } from '${at('../../src/core/log.ts')}';
import { resolveLimits } from '${at('../../src/core/limits.ts')}';
const launcher = echoLauncher({ clock: systemClock, log: silentLog, limits: resolveLimits() });
const taken = [];
const take = () => { try { for (;;) taken.push(openSync('/dev/null')); } catch {} };
for (let free = 0; free <= 14; free++) {
  take();
  for (let i = 0; i < free; i++) closeSync(taken.pop());
  try {
    const engine = await launcher.launch({ memoryBytes: 2 ** 32 });
    console.log('launched');
    await engine.close();
  } catch (error) {
    console.log(error.code);
  }
  await new Promise((resolve) => setTimeout(resolve, 20)); // what failed is told by events
}`;

test(
  'starts that fail for want of descriptors are errors, not the end',
  {
    skip: process.platform === 'win32',
  },
  async () => {
    const shell = 'ulimit -n 60 && exec "$0" --input-type=module -e "$1"';
    const { stdout } = await promisify(execFile)('sh', ['-c', shell, process.execPath, SCRIPT]);
    const results = stdout.trim().split('\n');
    assert.equal(results.length, 15, stdout);
    assert.deepEqual(new Set(results), new Set(['SKY_ENGINE_START', 'launched']));
    assert.equal(results.at(-1), 'launched', 'nothing was leaked on the way');
  },
);
