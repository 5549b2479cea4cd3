/**
 * Runs one command under Node >= 24: `node tools/node24/run.mjs CMD ARG...`.
 * CMD is a JavaScript/TypeScript file or flag for node itself, or the name of a binary in node_modules/.bin.
 * The machine's own Node is used when it is new enough; otherwise the first command installs the one of this folder's
 * lock file, beside this file. Its folder goes first in PATH, so that every tool below starts on the same Node. Old
 * syntax on purpose: any Node can read this.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WANTED_MAJOR = 24;
const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..', '..');

function nodeBinary() {
  if (Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR) return process.execPath;
  const isWindows = process.platform === 'win32';
  const name = `node-${isWindows ? 'win' : process.platform}-${process.arch}`;
  const binary = join(here, 'node_modules', name, 'bin', isWindows ? 'node.exe' : 'node');
  if (!existsSync(binary)) installNode();
  if (existsSync(binary)) return binary;
  console.error(
    `Skylift's toolchain needs Node >= ${WANTED_MAJOR}; this is ${process.version}, and there is no package "${name}".`,
  );
  console.error('Fix: reach the npm registry once, or install Node 24 or newer.');
  process.exit(2);
}

/** Installs aside and moves into place, so that two first commands at once, or a killed one, leave nothing half done. */
function installNode() {
  console.error(
    `This is Node ${process.version}: installing Node ${WANTED_MAJOR} for the toolchain into tools/node24 (once, 190 MB) ...`,
  );
  const aside = mkdtempSync(join(here, 'installing-'));
  try {
    for (const file of ['package.json', 'package-lock.json'])
      copyFileSync(join(here, file), join(aside, file));
    const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
    const options = {
      cwd: aside,
      stdio: ['ignore', 2, 2],
      shell: npm.length === 1 && process.platform === 'win32',
    };
    spawnSync(npm[0], [...npm.slice(1), 'ci', '--ignore-scripts', '--no-fund', '--no-audit'], options);
    renameSync(join(aside, 'node_modules'), join(here, 'node_modules'));
  } catch (error) {
    if (!existsSync(join(here, 'node_modules'))) console.error(error.message);
  } finally {
    rmSync(aside, { recursive: true, force: true });
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
