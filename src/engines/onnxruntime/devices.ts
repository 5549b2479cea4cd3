/** Which devices the installed onnxruntime-node can compute on: a GPU needs files that its npm package does not bring along. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { InferenceSession } from 'onnxruntime-node';
import { SkyliftError } from '../../core/errors.ts';
import type { Device } from '../port.ts';

type Providers = NonNullable<InferenceSession.SessionOptions['executionProviders']>;

const CUDA = /^cuda:(\d{1,4})$/;
/** Of the library's binding to Node, as in its folder names. */
const BINDING_FOLDER = 'napi-v6';

/** Names of files of the CUDA provider. */
function cudaFiles(platform: NodeJS.Platform): readonly string[] {
  const names = ['onnxruntime_providers_shared', 'onnxruntime_providers_cuda'];
  return names.map((name) => (platform === 'win32' ? `${name}.dll` : `lib${name}.so`));
}

/**
 * Throws SKY_ENGINE_DEVICE unless the files for the device are installed. Loads no native code: a driver that is missing
 * shows when an engine loads a model.
 * @param folder of the native files of onnxruntime-node
 */
export function requireDevice(device: Device, folder: string = nativeFolder()): void {
  if (device === 'cpu') return;
  if (!CUDA.test(device))
    throw new SkyliftError('SKY_ENGINE_DEVICE', `onnxruntime does not compute on "${device}"`);
  const missing = cudaFiles(process.platform).filter((name) => !existsSync(join(folder, name)));
  if (missing.length === 0) return;
  throw new SkyliftError(
    'SKY_ENGINE_DEVICE',
    `device ${device} needs the CUDA provider of onnxruntime-node, which lacks ${missing.join(' and ')}`,
    { hint: `Put ${missing.join(' and ')} of the same release of ONNX Runtime into ${folder}.` },
  );
}

/** The device, and what has no kernel there on the CPU. Throws SKY_ENGINE_DEVICE. */
export function executionProviders(device: Device): Providers {
  if (device === 'cpu') return ['cpu'];
  const deviceId = CUDA.exec(device)?.[1];
  if (deviceId === undefined)
    throw new SkyliftError('SKY_ENGINE_DEVICE', `onnxruntime does not compute on "${device}"`);
  return [{ name: 'cuda', deviceId: Number(deviceId) }, 'cpu'];
}

/** Where the native files of this platform lie. Throws SKY_ENGINE_START when the library is not installed. */
function nativeFolder(): string {
  try {
    const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
    return join(root, 'bin', BINDING_FOLDER, process.platform, process.arch);
  } catch (error) {
    throw new SkyliftError('SKY_ENGINE_START', 'onnxruntime-node is not installed', { cause: error });
  }
}
