/**
 * The packed form of ONNX Runtime: the optimized graph of each program, its weights in a file beside it as the kernels of this
 * machine want them. It is mapped, so that engines share it. No other version, processor or option may load it.
 */
import { join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { cpuFeatures } from '../../core/cpu-features.ts';
import { productVersions } from '../../core/product.ts';
import { programFile } from '../../package/manifest-rules.ts';
import type { Packing } from '../port.ts';

type SessionOptions = InferenceSession.SessionOptions;

/** Layout optimizations included: what the library does by itself when it is given no level. */
const LEVEL = 'all';
/** Smaller weights stay in the graph. */
const MIN_WEIGHT_BYTES = 1024;

/** Loads no native code. Undefined when the library is not installed. */
export function onnxruntimePacking(): Packing | undefined {
  const { onnxruntime, platform } = productVersions();
  if (onnxruntime === undefined) return undefined;
  return {
    traits: [
      `onnxruntime ${onnxruntime}`,
      platform,
      'cpu',
      `level ${LEVEL}`,
      `weights from ${MIN_WEIGHT_BYTES} bytes`,
      cpuFeatures(),
    ],
    files: ({ manifest }) =>
      Object.keys(manifest.programs).flatMap((program) => [
        { path: programFile(manifest.engine, program), role: 'graph' },
        { path: weightsFile(program), role: 'weights' },
      ]),
  };
}

/** Options beside `base` that leave the packed form of a program in `dir`. */
export function packInto(base: SessionOptions, dir: string, program: string): SessionOptions {
  return {
    ...base,
    graphOptimizationLevel: LEVEL,
    optimizedModelFilePath: join(dir, programFile('onnx', program)),
    extra: {
      session: {
        ...sessionEntries(base),
        optimized_model_external_initializers_file_name: weightsFile(program),
        optimized_model_external_initializers_min_size_in_bytes: String(MIN_WEIGHT_BYTES),
        save_external_prepacked_constant_initializers: '1',
      },
    },
  };
}

/** Options beside `base` for a packed form: it is optimized already, and would be optimized again in memory. */
export function loadPacked(base: SessionOptions): SessionOptions {
  return { ...base, graphOptimizationLevel: 'disabled' };
}

function sessionEntries({ extra }: SessionOptions): object {
  const session: unknown = extra?.['session'];
  return typeof session === 'object' && session !== null ? session : {};
}

function weightsFile(program: string): string {
  return `${program}.bin`;
}
