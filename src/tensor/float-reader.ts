/** Floats of every width as JavaScript numbers, one by one and without a copy of the tensor. */
import { bfloat16Value, float16Value } from './half.ts';
import { typedView } from './packed.ts';
import type { Tensor } from './tensor.ts';

/** Reads elements of the float dtypes; undefined for all others. */
export function floatReader({ dtype, dims, bytes }: Tensor): ((index: number) => number) | undefined {
  if (dtype === 'float32' || dtype === 'float64') {
    const values = typedView({ dtype, dims, bytes });
    return (index) => values[index] ?? 0;
  }
  if (dtype !== 'float16' && dtype !== 'bfloat16') return undefined;
  const bits = typedView({ dtype, dims, bytes });
  const valueOf = dtype === 'float16' ? float16Value : bfloat16Value;
  return (index) => valueOf(bits[index] ?? 0);
}
