/** Every example of the README and the guides that is marked as runnable, page by page, as a reader would run it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { test } from 'node:test';
import { runnableBlocks } from '../docs/code-blocks.ts';
import type { CodeBlock } from '../docs/code-blocks.ts';
import { CHECKOUT, CONSUMER_FLAGS, PROGRAMS, consumerFolder, freePort } from './harness.ts';

/** The port that the pages use; a free one takes its place. */
const WRITTEN_PORT = '8501';
const PAGE_LIMIT_MS = 120_000;

const hasTool = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;
const skip = !(hasTool('bash') && hasTool('curl')) && 'needs bash and curl';

for (const page of ['README.md', ...globSync('docs/guide/*.md', { cwd: CHECKOUT }).toSorted()]) {
  const blocks = runnableBlocks(readFileSync(join(CHECKOUT, page), 'utf8'));
  if (blocks.length === 0) continue;
  test(`the examples of ${page} work and print what the page says`, { skip }, async (t) => {
    const folder = consumerFolder(t);
    const port = String(await freePort());
    const atPort = (text: string): string => text.replaceAll(WRITTEN_PORT, port);
    copyFileSync(join(CHECKOUT, 'docs/guide/half_plus_two.onnx'), join(folder, 'half_plus_two.onnx'));
    writeFileSync(join(folder, 'page.sh'), atPort(pageScript(blocks, folder)));
    const shims = writeCommands(join(folder, 'commands'));
    const ran = spawnSync('bash', ['page.sh'], {
      cwd: folder,
      encoding: 'utf8',
      timeout: PAGE_LIMIT_MS,
      env: {
        ...process.env,
        PATH: [shims, dirname(process.execPath), process.env['PATH']].join(delimiter),
        SKYLIFT_STORE: join(folder, 'store'),
      },
    });
    assert.equal(ran.status, 0, `${page}: ${ran.stdout}\n${ran.stderr}`);
    for (const [i, block] of blocks.entries()) {
      if (block.output === undefined) continue;
      const printed = readFileSync(join(folder, `block-${i}.out`), 'utf8');
      assert.equal(printed.trim(), atPort(block.output).trim(), `${page}:${block.line}`);
    }
  });
}

/** One script of all blocks; the stdout of block i goes to `block-i.out`. Also writes the TypeScript blocks to files. */
function pageScript(blocks: readonly CodeBlock[], folder: string): string {
  const steps = blocks.map((block, i) => {
    const announce = `echo "line ${block.line}"\n`;
    if (block.language === 'ts') {
      writeFileSync(join(folder, `block-${i}.ts`), block.text);
      return `${announce}node ${CONSUMER_FLAGS.join(' ')} block-${i}.ts >block-${i}.out\n`;
    }
    return block.isBackground
      ? `${announce}${block.text.trimEnd()} >block-${i}.out &\n${WAIT_UNTIL_READY}`
      : `${announce}{\n${block.text}} >block-${i}.out\n`;
  });
  return `set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n${steps.join('')}`;
}

const WAIT_UNTIL_READY = `for _ in $(seq 300); do
  kill -0 $! || exit 1
  if curl -sf http://127.0.0.1:${WRITTEN_PORT}/readyz >/dev/null; then break; fi
  sleep 0.1
done
`;

/** Puts the commands of the package under test into a folder for PATH. */
function writeCommands(folder: string): string {
  mkdirSync(folder);
  for (const [name, program] of Object.entries(PROGRAMS)) {
    const file = join(folder, name);
    writeFileSync(file, `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`);
    chmodSync(file, 0o755);
  }
  return folder;
}
