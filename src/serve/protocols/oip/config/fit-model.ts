/** Holds what a `config.pbtxt` says of inputs and outputs against the model itself. */
import { SkyliftError } from '../../../../core/errors.ts';
import type { PackageManifest, Signature } from '../../../../package/manifest.ts';
import type { TensorSpec } from '../../../../tensor/tensor.ts';
import { CONFIG_TYPES } from './model-config.ts';
import type { ConfiguredTensor, RepositoryModel } from './model-config.ts';

/**
 * The manifest with the dims that the file fixes where the model leaves them free. Throws SKY_CONFIG_INVALID where they
 * contradict each other. @param file for messages
 */
export function fitModel(manifest: PackageManifest, model: RepositoryModel, file: string): PackageManifest {
  const [[name, signature] = []] = Object.entries(manifest.signatures);
  if (name === undefined || signature === undefined) return manifest;
  const isBatched = (model.maxBatchSize ?? 0) > 0;
  if (isBatched && manifest.programs[signature.program]?.batchAxis !== 0)
    throw misfit(
      file,
      `max_batch_size is ${model.maxBatchSize}, but the model takes no batches; write max_batch_size: 0`,
    );
  const fit = (
    specs: readonly TensorSpec[],
    configured: readonly ConfiguredTensor[],
    what: string,
  ): TensorSpec[] =>
    fitTensors(specs, configured, (problem) => misfit(file, `${what} ${problem}`), isBatched);
  const fitted: Signature = {
    ...signature,
    inputs: fit(signature.inputs, model.inputs, 'the input'),
    outputs: fit(signature.outputs, model.outputs, 'the output'),
  };
  const missing = signature.inputs.find(
    (spec) => model.inputs.length > 0 && !model.inputs.some((each) => each.name === spec.name),
  );
  if (missing) throw misfit(file, `the input "${missing.name}" of the model is not among the inputs`);
  return { ...manifest, signatures: { ...manifest.signatures, [name]: fitted } };
}

function fitTensors(
  specs: readonly TensorSpec[],
  configured: readonly ConfiguredTensor[],
  problem: (text: string) => SkyliftError,
  isBatched: boolean,
): TensorSpec[] {
  const fitted = new Map(specs.map((spec) => [spec.name, spec]));
  for (const tensor of configured) {
    const spec = fitted.get(tensor.name);
    const known = specs.map(({ name }) => name).join(', ');
    if (!spec) throw problem(`"${tensor.name}" is not one of the model; it has: ${known}`);
    if (spec.dtype !== tensor.dtype)
      throw problem(
        `"${tensor.name}" is ${CONFIG_TYPES[tensor.dtype]}, but the model has ${CONFIG_TYPES[spec.dtype]}`,
      );
    fitted.set(tensor.name, { ...spec, dims: fitDims(spec, tensor, isBatched, problem) });
  }
  return [...fitted.values()];
}

function fitDims(
  { dims }: TensorSpec,
  tensor: ConfiguredTensor,
  isBatched: boolean,
  problem: (text: string) => SkyliftError,
): TensorSpec['dims'] {
  if (!dims) return dims;
  const wanted = isBatched ? [-1, ...tensor.dims] : tensor.dims;
  const isFitting =
    wanted.length === dims.length &&
    dims.every((dim, axis) => typeof dim === 'string' || dim === wanted[axis]);
  if (!isFitting)
    throw problem(
      `"${tensor.name}" has the dims [${wanted.join(', ')}]${isBatched ? ' with its batch' : ''}, but the model has [${dims.join(', ')}]`,
    );
  return dims.map((dim, axis) => {
    const fixed = wanted[axis] ?? -1;
    return typeof dim === 'string' && fixed >= 0 ? fixed : dim;
  });
}

function misfit(file: string, problem: string): SkyliftError {
  return new SkyliftError('SKY_CONFIG_INVALID', `${file}: ${problem}`, {
    hint: 'Write what the model has, or leave inputs and outputs away: they are read from the model.',
  });
}
