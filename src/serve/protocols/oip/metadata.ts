/** What the server and its models say of themselves. */
import { productVersions } from '../../../core/product.ts';
import type { PackageManifest } from '../../../package/manifest.ts';
import type { TensorSpec } from '../../../tensor/tensor.ts';
import type { ModelStatus, Runtime } from '../../runtime/requests.ts';
import type { ModelPath } from '../model-path.ts';
import { DATATYPE_NAMES } from './datatypes.ts';

/** Only what is implemented. */
const EXTENSIONS = [
  'binary_tensor_data',
  'classification',
  'model_configuration',
  'model_repository(unload_dependents)',
  'parameters',
  'schedule_policy',
  'statistics',
];

/** `<project>_<format>` as the protocol names them. */
const PLATFORMS: Readonly<Record<PackageManifest['engine'], string>> = {
  onnx: 'onnx_onnxv1',
  gguf: 'ggml_gguf',
};

const ANY_SIZE = -1;

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

/** As JSON the body of GET /v2. */
export function serverMetadata(): ServerMetadata {
  return { name: 'skylift', version: productVersions().skylift, extensions: EXTENSIONS };
}

/** What is known of the inputs and outputs of a model. */
export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

export interface TensorMetadata {
  readonly name: string;
  readonly datatype: string;
  /** -1: any size. */
  readonly shape: readonly number[];
}

/** Of one version; as JSON the body of GET /v2/models/NAME[/versions/V]. Throws SKY_MODEL_NOT_FOUND, SKY_UNAVAILABLE. */
export function modelMetadata(runtime: Runtime, { model, version }: ModelPath): ModelMetadata {
  const servable = runtime.resolve(model, version);
  const { signature } = servable.signature(undefined);
  return {
    name: model,
    versions: availableVersions(runtime.models().find(({ name }) => name === model)),
    platform: PLATFORMS[servable.manifest.engine],
    inputs: signature.inputs.map(tensorMetadata),
    outputs: signature.outputs.map(tensorMetadata),
  };
}

function availableVersions(status: ModelStatus | undefined): string[] {
  const available = status?.versions.filter(({ state }) => state === 'AVAILABLE') ?? [];
  return available.map(({ version }) => String(version));
}

/** An unknown rank has no form in the protocol: it is written as one dimension of any size. */
function tensorMetadata({ name, dtype, dims }: TensorSpec): TensorMetadata {
  const shape = dims?.map((dim) => (typeof dim === 'number' ? dim : ANY_SIZE)) ?? [ANY_SIZE];
  return { name, datatype: DATATYPE_NAMES[dtype], shape };
}
