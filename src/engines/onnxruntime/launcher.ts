/** Starts onnxruntime engines. Nothing native is loaded into the process that calls this. */
import { siblingEntry } from '../../core/child-process.ts';
import { createLauncher } from '../host/engine-process.ts';
import type { LauncherOptions } from '../host/engine-process.ts';
import type { EngineLauncher } from '../port.ts';
import { onnxruntimePacking } from './packing.ts';

/** Launcher of engines that run ONNX graphs with onnxruntime-node. */
export function onnxruntimeLauncher(
  options: Pick<LauncherOptions, 'clock' | 'log' | 'limits'>,
): EngineLauncher {
  const packing = onnxruntimePacking();
  return createLauncher({
    ...options,
    kind: 'onnxruntime',
    ...(packing && { packing }),
    entry: siblingEntry(import.meta.url, './engine-main'),
  });
}
