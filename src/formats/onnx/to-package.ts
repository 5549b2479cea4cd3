/** A valid model's graph interface as the signature and program of a package. */
import { programFile } from '../../package/manifest-rules.ts';
import { DEFAULT_SIGNATURE } from '../../package/manifest.ts';
import type { PackageDraft } from '../../package/draft.ts';
import { SkyliftError } from '../../core/errors.ts';
import type { TensorSpec } from '../../tensor/tensor.ts';
import { elementType } from './element-types.ts';
import type { OnnxModel, OnnxValue } from './model.ts';
import { requestedInputs } from './validate.ts';

const PROGRAM = 'model';
/** A dimension of which only that it varies is known. */
const UNKNOWN_DIMENSION = '?';
const MAX_DIMENSION_NAME = 256;

/** Name of the graph file in the package. */
export const GRAPH_FILE = programFile('onnx', PROGRAM);

/** One signature `serving_default` over the graph's inputs that are not initializers. Expects a validated model. */
export function readSignatures(model: OnnxModel): Pick<PackageDraft, 'programs' | 'signatures'> {
  const inputs = requestedInputs(model).map(tensorSpec);
  const outputs = model.graph.outputs.map(tensorSpec);
  return {
    programs: { [PROGRAM]: { steps: [], batchAxis: batchAxis(inputs, outputs) } },
    signatures: { [DEFAULT_SIGNATURE]: { program: PROGRAM, method: 'predict', inputs, outputs } },
  };
}

/**
 * 0 when every tensor varies along its first axis, along the same one where it has a name, and no other axis has that
 * name: joining the rows of two requests must leave all other dimensions as they are.
 */
function batchAxis(inputs: readonly TensorSpec[], outputs: readonly TensorSpec[]): 0 | null {
  const all = [...inputs, ...outputs].map((spec) => spec.dims ?? []);
  const first = all.map((dims) => dims[0]);
  const names = new Set(first.filter((dim) => dim !== UNKNOWN_DIMENSION));
  const isElsewhere = all.some((dims) => dims.slice(1).some((dim) => names.has(dim)));
  const isBatch = first.every((dim) => typeof dim === 'string') && names.size <= 1 && !isElsewhere;
  return isBatch && inputs.length > 0 ? 0 : null;
}

function tensorSpec({ name, type }: OnnxValue): TensorSpec {
  const dtype = type.kind === 'tensor' ? elementType(type.elementType, name).dtype : undefined;
  if (type.kind !== 'tensor' || !dtype)
    throw new SkyliftError('SKY_ONNX_UNSUPPORTED', `"${name}" is no tensor that a request can carry`);
  return { name, dtype, dims: type.dims?.map(dimension) ?? null };
}

function dimension(dim: number | string): number | string {
  if (typeof dim === 'number') return dim < 0 ? UNKNOWN_DIMENSION : dim;
  return dim.length > MAX_DIMENSION_NAME || /\p{Cc}/u.test(dim) ? UNKNOWN_DIMENSION : dim;
}
