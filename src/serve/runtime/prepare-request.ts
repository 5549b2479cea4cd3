/** Checks a request against its signature before any engine sees it, and finds out what it may be batched with. */
import { SkyliftError } from '../../core/errors.ts';
import { byteSize } from '../../tensor/tensor.ts';
import type { Tensor, TensorSpec } from '../../tensor/tensor.ts';
import type { PreparedJob } from './scheduling/dispatcher.ts';
import type { RunRequest, ServableVersion } from './requests.ts';

/** What a request is checked against, and where it is counted. */
export interface PreparingVersion extends Pick<PreparedJob, 'queue' | 'statistics'> {
  readonly servable: ServableVersion;
}

/** Throws SKY_SIGNATURE_NOT_FOUND, SKY_INPUT_UNKNOWN, SKY_TENSOR_SHAPE_MISMATCH. */
export function prepareRequest(
  request: RunRequest,
  { servable, queue, statistics }: PreparingVersion,
): PreparedJob {
  const { name: signatureName, signature, isBatched, key } = servable.signature(request.signature);
  const inputs = signature.inputs.map((spec) => inputOf(request, spec));
  if (request.inputs.size > inputs.length) throw unknownInput(request, signature.inputs);
  const rows = isBatched ? (inputs[0]?.dims[0] ?? 1) : 1;
  const bucket =
    isBatched && rows > 0 && inputs.every((input) => input.dims[0] === rows) ? bucketOf(key, inputs) : null;
  const { version } = servable;
  return { request, queue, version, signatureName, signature, inputs, rows, bucket, statistics };
}

function inputOf(request: RunRequest, spec: TensorSpec): Tensor {
  const input = request.inputs.get(spec.name);
  if (!input) {
    const given = [...request.inputs.keys()].join(', ') || 'none';
    throw new SkyliftError('SKY_INPUT_UNKNOWN', `input "${spec.name}" is missing; given: ${given}`);
  }
  if (!fits(input, spec)) {
    throw new SkyliftError(
      'SKY_TENSOR_SHAPE_MISMATCH',
      `input "${spec.name}": expected ${describe(spec.dtype, spec.dims)}, got ${describe(input.dtype, input.dims)}`,
      { details: { input: spec.name } },
    );
  }
  const wantedBytes = byteSize(input.dtype, input.dims);
  const isWhole =
    input.dtype === 'string' ? input.bytes.length >= wantedBytes : input.bytes.length === wantedBytes;
  if (!isWhole) {
    throw new SkyliftError(
      'SKY_TENSOR_INVALID',
      `input "${spec.name}": ${input.bytes.length} bytes for ${describe(input.dtype, input.dims)}`,
    );
  }
  return input;
}

function fits(input: Tensor, spec: TensorSpec): boolean {
  if (input.dtype !== spec.dtype) return false;
  if (!spec.dims) return true;
  if (input.dims.length !== spec.dims.length) return false;
  return spec.dims.every((dim, axis) => typeof dim === 'string' || dim === input.dims[axis]);
}

function describe(dtype: string, dims: TensorSpec['dims']): string {
  return `${dtype} [${dims ? dims.join(', ') : '...'}]`;
}

function unknownInput(request: RunRequest, specs: readonly TensorSpec[]): SkyliftError {
  const unknown = [...request.inputs.keys()].filter((name) => !specs.some((spec) => spec.name === name));
  const known = specs.map((spec) => spec.name).join(', ');
  return new SkyliftError(
    'SKY_INPUT_UNKNOWN',
    `no input "${unknown.join('", "')}"; the signature has: ${known}`,
  );
}

/** Requests with equal keys agree in all that must agree to be one run: signature and every dimension but the first. */
function bucketOf(signatureKey: string, inputs: readonly Tensor[]): string {
  let key = signatureKey; // as it is for rows of single values: comparing equal strings is free
  for (const input of inputs) {
    if (inputs.length > 1 || input.dims.length > 1) key += '|';
    for (let axis = 1; axis < input.dims.length; axis++) key += `${input.dims[axis]},`;
  }
  return key;
}
