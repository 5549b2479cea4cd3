/** What every verb needs, put together once: store, importer, runtime on the real clock, engines on this machine's cores. */
import { createHmac, randomBytes } from 'node:crypto';
import { systemClock } from '../core/clock.ts';
import { resolveLimits } from '../core/limits.ts';
import type { Limits } from '../core/limits.ts';
import { silentLog } from '../core/log.ts';
import type { Log } from '../core/log.ts';
import { noMetrics } from '../core/metrics.ts';
import type { Metrics } from '../core/metrics.ts';
import { productVersions } from '../core/product.ts';
import { seededRng } from '../core/random.ts';
import { usableCores } from '../core/usable-cores.ts';
import { requireDevice } from '../engines/onnxruntime/devices.ts';
import { onnxruntimeLauncher } from '../engines/onnxruntime/launcher.ts';
import type { Device } from '../engines/port.ts';
import { WeightCache, weightCacheDir } from '../engines/weight-cache/weight-cache.ts';
import { ChildImporter } from '../formats/child-importer.ts';
import type { Importer } from '../package/importer.ts';
import { diskFiles } from '../package/file-port.ts';
import { PackageStore } from '../package/store.ts';
import { defaultStoreDir } from '../package/store-dir.ts';
import { recordedRequestsIn } from '../serve/protocols/tfserving/warm-up/recorded-requests.ts';
import { ModelRuntime } from '../serve/runtime/model-runtime.ts';
import { createModelSource } from '../serve/runtime/sources/model-source.ts';
import type { ModelSource } from '../serve/runtime/sources/model-source.ts';
import type { BatchingOptions, VersionOptions } from '../serve/runtime/loading/version-options.ts';
import type { ThreadOptions } from '../serve/runtime/loading/thread-plan.ts';

export interface WorkshopOptions {
  /** Overrides of the table in core/limits.ts. */
  readonly limits?: Partial<Limits>;
  readonly threads?: ThreadOptions;
  /** What engines compute on; `cuda:N` needs files that onnxruntime-node does not bring along. @default cpu */
  readonly device?: Device;
  /** @default measured at warm-up */
  readonly batching?: BatchingOptions;
  /** Reads what is said in a numbered folder beside the model. @default nothing is looked for */
  readonly optionsIn?: (folder: string) => Promise<VersionOptions>;
  /** How often the recorded requests beside a model are run before it answers; false: never. @default once */
  readonly recordedRequests?: number | false;
  /** Directory of the local store. @default $SKYLIFT_STORE or the user's data directory */
  readonly storeDir?: string;
  /** @default silent */
  readonly log?: Log;
  readonly metrics?: Metrics;
}

export interface Workshop {
  readonly limits: Limits;
  readonly store: PackageStore;
  readonly importer: Importer;
  readonly runtime: ModelRuntime;
  /** What is said in a folder beside the model. */
  readonly optionsIn: (folder: string) => Promise<VersionOptions>;
  /** Finds the versions of a model by its reference. */
  readonly createSource: (reference: string) => ModelSource;
}

/**
 * Opens the store and prepares a runtime without models. Nothing native is loaded and no process started yet.
 * Throws SKY_STORE_*, SKY_CONFIG_*, SKY_ENGINE_DEVICE.
 */
export async function openWorkshop(options: WorkshopOptions = {}): Promise<Workshop> {
  const limits = resolveLimits(options.limits);
  const log = options.log ?? silentLog;
  const clock = systemClock;
  const device = options.device ?? 'cpu';
  requireDevice(device);
  const { store, importer } = await openPackages(options.storeDir, limits);
  const quarantineKey = randomBytes(32);
  const launcher = onnxruntimeLauncher({ clock, log, limits });
  const { packing } = launcher;
  const runtime = new ModelRuntime({
    launcher,
    device,
    weights: packing && new WeightCache({ dir: weightCacheDir(store.dir), packing, limits, log }),
    threads: options.threads ?? {},
    batching: options.batching,
    cores: usableCores(),
    clock,
    rng: seededRng(randomBytes(4).readUInt32LE()),
    log,
    metrics: options.metrics ?? noMetrics,
    limits,
    digest: (parts) =>
      parts.reduce((hmac, part) => hmac.update(part), createHmac('sha256', quarantineKey)).digest('hex'),
  });
  const optionsIn = optionsReader(options, limits, log);
  const tools = { store, importer, wallMs: () => clock.wallMs(), optionsIn };
  return {
    limits,
    store,
    importer,
    runtime,
    optionsIn,
    createSource: (text) => createModelSource(text, tools),
  };
}

/** What the caller reads in a folder, and the recorded requests in it. */
function optionsReader(
  { optionsIn, recordedRequests: iterations = 1 }: WorkshopOptions,
  limits: Limits,
  log: Log,
): Workshop['optionsIn'] {
  return async (folder) => {
    const options = (await optionsIn?.(folder)) ?? {};
    if (iterations === false) return options;
    const recorded = recordedRequestsIn(folder, limits, (line) => log('warn', line, {}));
    return recorded ? { ...options, recorded: { ...recorded, iterations } } : options;
  };
}

/** The local store and the importer that fills it. */
export async function openPackages(
  storeDir: string | undefined,
  limits: Limits,
): Promise<Pick<Workshop, 'store' | 'importer'>> {
  const dir = storeDir ?? defaultStoreDir();
  const tool = `skylift ${productVersions().skylift}`;
  return {
    store: await PackageStore.open(dir, diskFiles, { limits }),
    importer: new ChildImporter({ storeDir: dir, tool, limits }),
  };
}
