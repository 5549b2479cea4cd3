/** Starts echo engines: their sessions answer with their inputs, and the parameters of a job can ask for trouble. */
import { siblingEntry } from '../../src/core/child-process.ts';
import { createLauncher } from '../../src/engines/host/engine-process.ts';
import type { LauncherOptions } from '../../src/engines/host/engine-process.ts';
import type { EngineLauncher } from '../../src/engines/port.ts';
import type { PackageHandle } from '../../src/package/manifest.ts';
import type { TensorSpec } from '../../src/tensor/tensor.ts';

/** What jobs may ask for is in echo-engine-main.ts. */
export function echoLauncher(options: Pick<LauncherOptions, 'clock' | 'log' | 'limits'>): EngineLauncher {
  const entry = siblingEntry(import.meta.url, './echo-engine-main');
  return createLauncher({ ...options, kind: 'echo', entry });
}

/** Digest of a package that the echo engine refuses to load. */
export const UNLOADABLE = 'unloadable';
/** Digest of a package whose session has slots instead of batches. */
export const SLOTS = 'slots';

/** A package for the echo engine: one signature with equal inputs and outputs. */
export function echoPackage(specs: readonly TensorSpec[], digest = ''): PackageHandle {
  return {
    dir: '',
    digest,
    manifest: {
      schema: 1,
      engine: 'onnx',
      files: [],
      programs: { echo: { steps: [], batchAxis: 0 } },
      signatures: {
        serving_default: { program: 'echo', method: 'predict', inputs: specs, outputs: specs },
      },
      labels: {},
      lineage: [],
    },
  };
}
