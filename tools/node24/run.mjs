/**
 * Runs one command under Node >= 24: `node tools/node24/run.mjs CMD ARG...`.
 * CMD is a JavaScript/TypeScript file or flag for node itself, or the name of a binary in node_modules/.bin.
 * The machine's own Node is used when it is new enough, otherwise the one this workspace installed; its folder
 * goes first in PATH, so that every tool below starts on the same Node. Old syntax on purpose: any Node can read this.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WANTED_MAJOR = 24;
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

function nodeBinary() {
  if (Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR) return process.execPath;
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  } catch {
    console.error(
      `Skylift's toolchain needs Node >= ${WANTED_MAJOR}; this is ${process.version} and no package "${name}" is installed.`,
    );
    console.error('Fix: run `npm ci` (without --omit=optional), or install Node 24 or newer.');
    process.exit(2);
  }
}

const [command, ...args] = process.argv.slice(2);
if (!command) {
  console.error('usage: node tools/node24/run.mjs <file.ts|--node-flag|tool> [args...]');
  process.exit(2);
}
const node = nodeBinary();
const bin = join(root, 'node_modules', '.bin');
const env = { ...process.env, PATH: [dirname(node), bin, process.env.PATH].join(delimiter) };
const isForNode = command.startsWith('-') || /\.[cm]?[jt]s$/.test(command);
const tool = join(bin, process.platform === 'win32' ? `${command}.cmd` : command);
const child = isForNode
  ? spawn(node, [command, ...args], { stdio: 'inherit', env })
  : spawn(existsSync(tool) ? tool : command, args, {
      stdio: 'inherit',
      env,
      shell: process.platform === 'win32',
    });

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => {
  console.error(`cannot start ${command}: ${error.message}`);
  process.exit(127);
});
child.on('exit', (code, signal) => {
  if (signal) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  } else process.exit(code ?? 1);
});
