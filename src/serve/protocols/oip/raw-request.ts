/** A request without JSON: the body is the bytes of the one input, and all outputs come back as bytes. */
import type { Limits } from '../../../core/limits.ts';
import { rawTensor } from '../../../tensor/packed.ts';
import { encodeStrings } from '../../../tensor/strings.ts';
import { ELEMENT_BYTES } from '../../../tensor/tensor.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import type { ServableVersion } from '../../runtime/requests.ts';
import { invalidRequest } from '../failures.ts';
import type { InferRequest } from './infer-request.ts';
import { DEFAULT_OPTIONS } from './request-options.ts';

/**
 * Reads a raw request for a model with one input, of which at most one dimension is open; with batching the first one
 * is 1. Of strings it is one element, without its length. Throws SKY_REQUEST_INVALID, SKY_TENSOR_INVALID,
 * SKY_REQUEST_TOO_LARGE.
 */
export function readRawRequest(bytes: Uint8Array, servable: ServableVersion, limits: Limits): InferRequest {
  const { signature } = servable.signature(undefined);
  const [spec, second] = signature.inputs;
  if (spec === undefined || second !== undefined)
    throw invalidRequest(`a raw request needs a model with one input, not ${signature.inputs.length}`);
  const isBatched = servable.manifest.programs[signature.program]?.batchAxis === 0;
  return {
    id: undefined,
    inputs: new Map([[spec.name, rawInput(bytes, spec, isBatched, limits)]]),
    outputs: signature.outputs.map(({ name }) => ({ name, isBinary: true, classes: 0 })),
    ...DEFAULT_OPTIONS,
  };
}

function rawInput(
  bytes: Uint8Array,
  { name, dtype, dims }: TensorSpec,
  isBatched: boolean,
  limits: Limits,
): Tensor {
  if (dims === null) throw invalidRequest(`a raw request cannot tell the shape of input "${name}"`);
  const wanted = isBatched ? [1, ...dims.slice(1)] : dims;
  const content = dtype === 'string' ? encodeStrings([bytes]) : bytes;
  const elements = dtype === 'string' ? 1 : bytes.length / ELEMENT_BYTES[dtype];
  return rawTensor(dtype, closedDims(name, wanted, elements), content, limits.max_tensor_elements);
}

/** The open dimension, if there is one, is what the number of elements leaves. */
function closedDims(name: string, dims: readonly (number | string)[], elements: number): number[] {
  const fixed = dims.filter((dim) => typeof dim === 'number');
  if (dims.length - fixed.length > 1)
    throw invalidRequest(`a raw request cannot tell the shape of input "${name}": ${dims.join(', ')}`);
  const product = fixed.reduce((so, dim) => so * dim, 1);
  const open = elements / product;
  if (dims.length > fixed.length && !Number.isSafeInteger(open))
    throw invalidRequest(`the bytes make no whole number of "${name}" [${dims.join(', ')}]`);
  return dims.map((dim) => (typeof dim === 'number' ? dim : open));
}
