/** Gathers the rows of one input into one tensor. */
import type { SkyliftError } from '../../../core/errors.ts';
import { elementCount } from '../../../tensor/tensor.ts';
import type { Tensor, TensorSpec } from '../../../tensor/tensor.ts';
import { shapeError } from './value-errors.ts';

export class RowCollector {
  readonly spec: TensorSpec;
  readonly #chunks: Uint8Array[] = [];
  #dims: readonly number[] | undefined;

  constructor(spec: TensorSpec) {
    this.spec = spec;
  }

  get rows(): number {
    return this.#chunks.length;
  }

  /** Throws SKY_TENSOR_INVALID when the row's shape is not that of the rows before. */
  add({ dims, bytes }: Tensor): void {
    const expected = (this.#dims ??= dims);
    const isSame = dims.length === expected.length && dims.every((dim, axis) => dim === expected[axis]);
    if (!isSame) throw changedShape(expected, dims);
    this.#chunks.push(bytes);
  }

  /** All rows as [rows, ...dims of one row]. */
  tensor(): Tensor {
    const [first] = this.#chunks;
    const bytes = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    return { dtype: this.spec.dtype, dims: [this.rows, ...(this.#dims ?? [])], bytes };
  }
}

function changedShape(expected: readonly number[], got: readonly number[]): SkyliftError {
  const sizes = [elementCount(expected), elementCount(got)] as const;
  const message =
    sizes[0] === sizes[1]
      ? `Expecting shape [${expected.join(',')}] but got: [${got.join(',')}]`
      : `Expecting tensor size: ${sizes[0]} but got: ${sizes[1]}`;
  return shapeError(message);
}
