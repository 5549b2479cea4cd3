/**
 * TensorProto.DataType as data: name, width, our dtype where a request can carry it, and the typed field that may hold
 * the elements. Source: onnx/onnx.proto of onnx/onnx (TensorProto).
 */
import { SkyliftError } from '../../core/errors.ts';
import type { DataType } from '../../tensor/tensor.ts';

/** Field numbers of TensorProto that hold elements one by one. */
export const TYPED_FIELDS = {
  float_data: 4,
  int32_data: 5,
  string_data: 6,
  int64_data: 7,
  double_data: 10,
  uint64_data: 11,
} as const;

export type TypedField = keyof typeof TYPED_FIELDS;

export interface ElementType {
  /** Name as the specification writes it. */
  readonly name: string;
  /** Bits of one element in raw_data; 0 for strings. Narrow types are packed into bytes. */
  readonly bits: number;
  readonly typedField: TypedField;
  /** Entries of the typed field per element: 2 for complex numbers, 0.5 where one entry holds two elements. */
  readonly entriesPerElement: number;
  /** Absent where no tensor of ours has this type. */
  readonly dtype?: DataType;
}

const ours = (dtype: DataType, bits: number, typedField: TypedField): ElementType => ({
  name: dtype,
  bits,
  typedField,
  entriesPerElement: 1,
  dtype,
});
const foreign = (name: string, bits: number, typedField: TypedField, entriesPerElement = 1): ElementType => ({
  name,
  bits,
  typedField,
  entriesPerElement,
});

/** By value of TensorProto.DataType. */
const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, ours('float32', 32, 'float_data')],
  [2, ours('uint8', 8, 'int32_data')],
  [3, ours('int8', 8, 'int32_data')],
  [4, ours('uint16', 16, 'int32_data')],
  [5, ours('int16', 16, 'int32_data')],
  [6, ours('int32', 32, 'int32_data')],
  [7, ours('int64', 64, 'int64_data')],
  [8, ours('string', 0, 'string_data')],
  [9, ours('bool', 8, 'int32_data')],
  [10, ours('float16', 16, 'int32_data')],
  [11, ours('float64', 64, 'double_data')],
  [12, ours('uint32', 32, 'uint64_data')],
  [13, ours('uint64', 64, 'uint64_data')],
  [14, foreign('complex64', 64, 'float_data', 2)],
  [15, foreign('complex128', 128, 'double_data', 2)],
  [16, ours('bfloat16', 16, 'int32_data')],
  [17, foreign('float8e4m3fn', 8, 'int32_data')],
  [18, foreign('float8e4m3fnuz', 8, 'int32_data')],
  [19, foreign('float8e5m2', 8, 'int32_data')],
  [20, foreign('float8e5m2fnuz', 8, 'int32_data')],
  [21, foreign('uint4', 4, 'int32_data', 1 / 2)],
  [22, foreign('int4', 4, 'int32_data', 1 / 2)],
  [23, foreign('float4e2m1', 4, 'int32_data', 1 / 2)],
  [24, foreign('float8e8m0', 8, 'int32_data')],
  [25, foreign('uint2', 2, 'int32_data', 1 / 4)],
  [26, foreign('int2', 2, 'int32_data', 1 / 4)],
]);

/** Record of a TensorProto.DataType value. Throws SKY_ONNX_UNSUPPORTED naming `where`. */
export function elementType(code: number, where: string): ElementType {
  const type = ELEMENT_TYPES.get(code);
  if (!type)
    throw new SkyliftError('SKY_ONNX_UNSUPPORTED', `${where} has element type ${code}, which is not known`);
  return type;
}

/** Bytes of `count` elements in raw_data or external data; the last byte of packed narrow types may be partly used. */
export function storedBytes(type: ElementType, count: number): number {
  return Math.ceil((count * type.bits) / 8);
}
