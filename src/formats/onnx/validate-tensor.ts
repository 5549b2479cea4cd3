/** A tensor's stored data must be exactly what its dims and element type need. */
import { SkyliftError } from '../../core/errors.ts';
import { elementType, storedBytes } from './element-types.ts';
import type { ElementType } from './element-types.ts';
import type { OnnxTensor } from './model.ts';
import type { NamedTensor } from './walk.ts';

/** Throws SKY_ONNX_INVALID, or SKY_ONNX_UNSUPPORTED for an unknown element type. External data is not looked at. */
export function validateTensor({ tensor, where }: NamedTensor): void {
  const type = elementType(tensor.elementType, where);
  const count = elementCountOf(tensor.dims, where);
  const { data } = tensor;
  switch (data.kind) {
    case 'raw':
      if (type.dtype === 'string') throw invalid(where, 'keeps strings in raw_data');
      return requireSize(where, storedBytes(type, count), data.range.length, 'bytes');
    case 'typed':
      if (data.field !== type.typedField)
        throw invalid(where, `keeps ${type.name} in ${data.field}, not in ${type.typedField}`);
      return requireSize(where, entryCount(type, count), data.count, `entries of ${data.field}`);
    case 'none':
      return requireSize(where, entryCount(type, count), 0, 'entries');
    case 'external':
      if (type.dtype === 'string') throw invalid(where, 'keeps strings in external data');
  }
}

/** Bytes of a tensor in raw or external form. Throws as `validateTensor` does. */
export function tensorBytes({ tensor, where }: NamedTensor): number {
  return storedBytes(elementType(tensor.elementType, where), elementCountOf(tensor.dims, where));
}

/** Elements that `dims` stand for, 1 for a scalar. Throws SKY_ONNX_INVALID for negative dims and products above 2^53. */
export function elementCountOf(dims: OnnxTensor['dims'], where: string): number {
  let count = 1;
  let isEmpty = false;
  for (const dim of dims) {
    if (dim < 0) throw invalid(where, `has the negative dimension ${dim}`);
    if (dim === 0) isEmpty = true;
    else count *= dim; // zeros last: [2^50, 2^50, 0] overflows in readers that multiply in order
    if (!Number.isSafeInteger(count)) throw invalid(where, `has too many elements: [${dims.join(', ')}]`);
  }
  return isEmpty ? 0 : count;
}

function entryCount(type: ElementType, count: number): number {
  return Math.ceil(count * type.entriesPerElement);
}

function requireSize(where: string, wanted: number, found: number, unit: string): void {
  if (wanted !== found) throw invalid(where, `needs ${wanted} ${unit}, but has ${found}`);
}

function invalid(where: string, what: string): SkyliftError {
  return new SkyliftError('SKY_ONNX_INVALID', `${where} ${what}`);
}
