/** The checks of `doctor`: each says what it found, whether that is good, and whether anything works without it. */
import { existsSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { isolationLayers } from '../../core/child-process.ts';
import { toSkyliftError } from '../../core/errors.ts';
import { formatBytes } from '../../core/units.ts';
import { usableCores } from '../../core/usable-cores.ts';
import { storeDirectory } from '../compose.ts';
import { productVersions } from '../../core/product.ts';
import { tryEngine } from './try-engine.ts';

export interface Check {
  readonly name: string;
  readonly isGood: boolean;
  /** Nothing works when this fails. */
  readonly isEssential: boolean;
  readonly found: string;
  readonly hint?: string;
}

const WANTED_NODE = 24;
const WANTED_MEMORY_BYTES = 1024 ** 3;
const PROVEN_PLATFORMS = ['linux-x64', 'linux-arm64'];

/** Runs all checks, one after the other; none throws. */
export async function examine(): Promise<readonly Check[]> {
  return [
    checkNode(),
    checkPlatform(),
    checkCores(),
    checkMemory(),
    ...checkIsolation(),
    await checkEngine(),
    await checkStore(),
    await checkWeightCache(),
  ];
}

function checkNode(): Check {
  const { node } = productVersions();
  const isGood = Number(node.split('.')[0]) >= WANTED_NODE;
  return {
    name: 'node',
    isGood,
    isEssential: true,
    found: node,
    ...(!isGood && { hint: `install Node.js >= ${WANTED_NODE}` }),
  };
}

function checkPlatform(): Check {
  const { platform } = productVersions();
  const isGood = PROVEN_PLATFORMS.includes(platform);
  const found = isGood
    ? platform
    : `${platform}: good for development, production is proven on ${PROVEN_PLATFORMS.join(', ')}`;
  return { name: 'platform', isGood, isEssential: false, found };
}

function checkCores(): Check {
  const affinity = availableParallelism();
  const usable = usableCores();
  const quota = usable < affinity ? `, a cgroup quota allows ${usable}` : '';
  return {
    name: 'cores',
    isGood: true,
    isEssential: false,
    found: `${usable} usable (${affinity} in the affinity mask${quota})`,
  };
}

function checkMemory(): Check {
  const constrained = process.constrainedMemory();
  const limit =
    constrained > 0 && constrained < totalmem() ? `, a cgroup allows ${formatBytes(constrained)}` : '';
  const available = process.availableMemory();
  const isGood = available >= WANTED_MEMORY_BYTES;
  return {
    name: 'memory',
    isGood,
    isEssential: false,
    found: `${formatBytes(available)} available of ${formatBytes(totalmem())}${limit}`,
    ...(!isGood && { hint: `leave ${formatBytes(WANTED_MEMORY_BYTES)} for engines` }),
  };
}

function checkIsolation(): Check[] {
  return isolationLayers().map((layer) => {
    const check = { name: `isolation: ${layer.name}`, isGood: layer.isActive, isEssential: false };
    if (layer.isActive) return Object.assign(check, { found: layer.how });
    return Object.assign(check, { found: `missing (${layer.how})`, hint: 'on Linux install util-linux' });
  });
}

async function checkEngine(): Promise<Check> {
  const version = productVersions().onnxruntime;
  return attempt(
    'engine',
    async () =>
      `onnxruntime ${version ?? 'of unknown version'} ran a graph in a child process, ${await tryEngine()}`,
  );
}

async function checkStore(): Promise<Check> {
  return attempt('store', async () => {
    const { PackageStore } = await import('../../package/store.ts');
    const store = await PackageStore.open(await storeDirectory());
    return `${store.dir} is writable, ${(await store.list()).length} packages`;
  });
}

/** Nothing is created: a machine that serves small models only has none. */
async function checkWeightCache(): Promise<Check> {
  const { weightCacheDir } = await import('../../engines/weight-cache/weight-cache.ts');
  const dir = weightCacheDir(await storeDirectory());
  const check = await attempt('packed weights', async () => {
    if (!existsSync(dir)) return `none yet, their folder is ${dir}`;
    const { PackageStore } = await import('../../package/store.ts');
    const trees = await (await PackageStore.open(dir)).weigh();
    const bytes = trees.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return `of ${trees.length} models, ${formatBytes(bytes)} in ${dir}; it may be deleted at any time`;
  });
  return { ...check, isEssential: false };
}

async function attempt(name: string, action: () => Promise<string>): Promise<Check> {
  try {
    return { name, isGood: true, isEssential: true, found: await action() };
  } catch (error) {
    const { code, message, hint } = toSkyliftError(error);
    return { name, isGood: false, isEssential: true, found: `${code} ${message}`, hint };
  }
}
