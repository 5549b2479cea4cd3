/** GET metadata: the signatures of one version as TensorFlow's SignatureDefMap in proto JSON. */
import type { ServableVersion } from '../../runtime/requests.ts';
import type { Signature } from '../../../package/manifest.ts';
import type { TensorSpec } from '../../../tensor/tensor.ts';
import { DTYPE_NAMES } from './dtypes.ts';
import { METHOD_NAMES } from './method-names.ts';
import { protoJson } from './status.ts';

/** Body of GET /v1/models/NAME/metadata. */
export function metadataBody({ model, version, manifest }: ServableVersion): string {
  const signatures = Object.entries(manifest.signatures);
  return protoJson({
    model_spec: { name: model, signature_name: '', version: String(version) },
    metadata: {
      signature_def: {
        signature_def: Object.fromEntries(signatures.map(([name, def]) => [name, signatureDef(def)])),
      },
    },
  });
}

function signatureDef({ inputs, outputs, method }: Signature): unknown {
  return {
    inputs: tensorInfos(inputs),
    outputs: tensorInfos(outputs),
    method_name: METHOD_NAMES[method],
    defaults: {},
  };
}

function tensorInfos(specs: readonly TensorSpec[]): unknown {
  return Object.fromEntries(specs.map((spec) => [spec.name, tensorInfo(spec)]));
}

/** Dimensions that are not fixed are -1 and have no name, as TensorFlow writes them. */
function tensorInfo({ name, dtype, dims }: TensorSpec): unknown {
  return {
    dtype: DTYPE_NAMES[dtype].enumName,
    tensor_shape: {
      dim: (dims ?? []).map((dim) => ({ size: typeof dim === 'number' ? String(dim) : '-1', name: '' })),
      unknown_rank: dims === null,
    },
    name,
  };
}
