/** A request that a model accepts: zeros in the shapes of its signature, unknown dimensions being 1. */
import type { DataType, TensorSpec } from '../tensor/tensor.ts';

export type ExampleRequest =
  | { readonly instances: readonly unknown[]; readonly signature_name?: string }
  | { readonly inputs: unknown; readonly signature_name?: string };

/** Elements of all inputs together that an example may have. */
const MAX_ELEMENTS = 16 * 1024 * 1024;
const DEFAULT_SIGNATURE = 'serving_default';

/**
 * One row where every input varies along its first axis, else whole tensors. Undefined when the example would be too
 * large to build.
 */
export function exampleRequest(
  inputs: readonly TensorSpec[],
  signature = DEFAULT_SIGNATURE,
): ExampleRequest | undefined {
  const elements = inputs.map(({ dims }) =>
    (dims ?? []).reduce<number>((product, dim) => product * size(dim), 1),
  );
  if (elements.reduce((sum, count) => sum + count, 0) > MAX_ELEMENTS) return undefined;
  const named = signature === DEFAULT_SIGNATURE ? {} : { signature_name: signature };
  const isRows = inputs.length > 0 && inputs.every(({ dims }) => typeof dims?.[0] === 'string');
  const values = inputs.map(
    ({ name, dtype, dims }) => [name, zeros(dtype, (dims ?? []).slice(isRows ? 1 : 0).map(size))] as const,
  );
  const [only, ...others] = values;
  const value = only !== undefined && others.length === 0 ? only[1] : Object.fromEntries(values);
  return isRows ? { ...named, instances: [value] } : { ...named, inputs: value };
}

function size(dim: number | string): number {
  return typeof dim === 'number' ? dim : 1;
}

function zeros(dtype: DataType, dims: readonly number[]): unknown {
  const [length, ...rest] = dims;
  if (length !== undefined) return Array.from({ length }, () => zeros(dtype, rest));
  if (dtype === 'string') return '';
  return dtype === 'bool' ? false : 0;
}
