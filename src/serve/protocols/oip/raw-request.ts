/** A request without JSON: the body is the bytes of the one input, and all outputs come back as bytes. */
import type { Limits } from '../../../core/limits.ts';
import { rawTensor } from '../../../tensor/packed.ts';
import { encodeStrings } from '../../../tensor/strings.ts';
import { ELEMENT_BYTES } from '../../../tensor/tensor.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import type { NamedSignature } from '../../runtime/requests.ts';
import { invalidRequest } from '../failures.ts';
import type { InferRequest } from './infer-request.ts';
import { forInput } from './read-input.ts';
import { DEFAULT_OPTIONS } from './request-options.ts';

/**
 * Reads a raw request for a model with one input, of which at most one dimension is open; with batching the first one
 * is 1. Of strings it is one element, without its length. Throws SKY_REQUEST_INVALID, SKY_TENSOR_INVALID,
 * SKY_REQUEST_TOO_LARGE.
 */
export function readRawRequest(
  bytes: Uint8Array,
  { signature, isBatched }: NamedSignature,
  limits: Limits,
): InferRequest {
  const [spec, second] = signature.inputs;
  if (spec === undefined || second !== undefined)
    throw invalidRequest(`a raw request needs a model with one input, not ${signature.inputs.length}`);
  const input = forInput(spec.name, () => rawInput(bytes, spec, isBatched, limits));
  return {
    id: undefined,
    inputs: new Map([[spec.name, input]]),
    outputs: signature.outputs.map(({ name }) => ({ name, isBinary: true, classes: 0 })),
    ...DEFAULT_OPTIONS,
  };
}

function rawInput(
  bytes: Uint8Array,
  { dtype, dims }: TensorSpec,
  isBatched: boolean,
  limits: Limits,
): Tensor {
  if (dims === null) throw invalidRequest('a raw request cannot tell its shape');
  const wanted = isBatched ? [1, ...dims.slice(1)] : dims;
  const content = dtype === 'string' ? encodeStrings([bytes]) : bytes;
  const elements = dtype === 'string' ? 1 : bytes.length / ELEMENT_BYTES[dtype];
  return rawTensor(dtype, closedDims(wanted, elements), content, limits.max_tensor_elements);
}

/** The open dimension, if there is one, is what the number of elements leaves. */
function closedDims(dims: readonly (number | string)[], elements: number): number[] {
  const fixed = dims.filter((dim) => typeof dim === 'number');
  const shape = dims.join(', ');
  if (dims.length - fixed.length > 1) throw invalidRequest(`a raw request cannot tell its shape: [${shape}]`);
  const open = elements / fixed.reduce((product, dim) => product * dim, 1);
  if (dims.length > fixed.length && !Number.isSafeInteger(open))
    throw invalidRequest(`the body holds no whole number of [${shape}]`);
  return dims.map((dim) => (typeof dim === 'number' ? dim : open));
}
