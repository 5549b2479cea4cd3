/**
 * Starts the child processes in which native and untrusted work runs: scrubbed environment, resource limits, no way to
 * outlive the parent, as far as the platform offers it. Sources: setpriv(1), prlimit(1) of util-linux.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess, StdioPipe } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What a child may see of the parent's environment; nothing here can carry a secret of ours. */
const ENVIRONMENT_ALLOW_LIST = [
  'PATH',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SYSTEMROOT',
  'LD_LIBRARY_PATH',
] as const;

/** Node hands this variable on by itself; a child that is killed while it writes its file spoils the parent's report. */
const NO_COVERAGE = { NODE_V8_COVERAGE: undefined };

/** As 'pipe', but on Windows one that can be read and written at the same time. */
const PIPE: StdioPipe = 'overlapped';

export interface ChildSpec {
  /** Module to run; made by `siblingEntry`. */
  readonly entry: string;
  readonly args?: readonly string[];
  /** RLIMIT_DATA in bytes. */
  readonly memoryBytes: number;
  /** Added to the scrubbed environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** A duplex pipe as descriptor 3 when true. */
  readonly channel: boolean;
  /** Given to the child beside the pipe, as descriptors 4, 5 ... @default none */
  readonly descriptors?: readonly number[];
}

/** One layer around a child and whether this machine has it; `doctor` shows the list. */
export interface IsolationLayer {
  readonly name: string;
  readonly isActive: boolean;
  readonly how: string;
}

/**
 * Path of a module beside the caller, in source (`.ts`) and in the build (`.js`) alike.
 * @example siblingEntry(import.meta.url, './child')
 */
export function siblingEntry(callerUrl: string, relative: string): string {
  return fileURLToPath(new URL(relative + (callerUrl.endsWith('.ts') ? '.ts' : '.js'), callerUrl));
}

/** The isolation layers of this platform. */
export function isolationLayers(): readonly IsolationLayer[] {
  return [
    { name: 'process', isActive: true, how: 'own process per engine, ended with SIGKILL' },
    { name: 'environment', isActive: true, how: `allow-list: ${ENVIRONMENT_ALLOW_LIST.join(' ')}` },
    {
      name: 'limits',
      isActive: findTool('prlimit') !== undefined,
      how: 'prlimit: RLIMIT_DATA, RLIMIT_CORE 0',
    },
    {
      name: 'privileges',
      isActive: findTool('setpriv') !== undefined,
      how: 'setpriv: no-new-privs, dies with its parent',
    },
  ];
}

/** Spawns `spec.entry` under this Node with the layers of the platform. stdin is closed, stdout and stderr are pipes. */
export function spawnLimited(spec: ChildSpec): ChildProcess {
  const [command, ...args] = [
    ...limitingPrefix(spec.memoryBytes),
    process.execPath,
    spec.entry,
    ...(spec.args ?? []),
  ];
  return spawn(command ?? process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe', ...(spec.channel ? [PIPE, ...(spec.descriptors ?? [])] : [])],
    env: { ...scrubbedEnvironment(), ...NO_COVERAGE, ...spec.env },
    windowsHide: true,
  });
}

function limitingPrefix(memoryBytes: number): string[] {
  const setpriv = findTool('setpriv');
  const prlimit = findTool('prlimit');
  return [
    ...(setpriv ? [setpriv, '--no-new-privs', '--pdeathsig', 'KILL', '--'] : []),
    ...(prlimit ? [prlimit, `--data=${memoryBytes}`, '--core=0', '--'] : []),
  ];
}

function scrubbedEnvironment(): Record<string, string> {
  const entries = ENVIRONMENT_ALLOW_LIST.map((name) => [name, process.env[name]] as const);
  return Object.fromEntries(
    entries.filter((entry): entry is [(typeof entry)[0], string] => entry[1] !== undefined),
  );
}

/** Absolute path of a Linux tool in PATH. */
function findTool(name: string): string | undefined {
  if (process.platform !== 'linux') return undefined;
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
