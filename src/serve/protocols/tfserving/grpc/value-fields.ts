/** Which field of a TensorProto holds the values of a dtype. Source: tensorflow/core/framework/tensor.proto. */
import type { DataType } from '../../../../tensor/tensor.ts';

const INT_VAL = 7;
const HALF_VAL = 13;

export const VALUE_FIELDS = {
  float32: 5,
  float64: 6,
  int8: INT_VAL,
  int16: INT_VAL,
  int32: INT_VAL,
  uint8: INT_VAL,
  uint16: INT_VAL,
  string: 8,
  int64: 10,
  bool: 11,
  float16: HALF_VAL,
  bfloat16: HALF_VAL,
  uint32: 16,
  uint64: 17,
} as const satisfies Record<DataType, number>;
