/** TensorFlow's names of the data types: the short ones of error texts, the enum names of metadata, the enum numbers of protobuf. */
import type { DataType } from '../../../tensor/tensor.ts';

interface DtypeNames {
  /** As in `is not of expected type: float`. */
  readonly word: string;
  /** As in `"dtype": "DT_FLOAT"`. */
  readonly enumName: string;
  /** As in protobuf. */
  readonly enumNumber: number;
}

/** Source: tensorflow/core/framework/types.proto and types.cc (DataTypeString). */
export const DTYPE_NAMES: Readonly<Record<DataType, DtypeNames>> = {
  bool: { word: 'bool', enumName: 'DT_BOOL', enumNumber: 10 },
  int8: { word: 'int8', enumName: 'DT_INT8', enumNumber: 6 },
  int16: { word: 'int16', enumName: 'DT_INT16', enumNumber: 5 },
  int32: { word: 'int32', enumName: 'DT_INT32', enumNumber: 3 },
  int64: { word: 'int64', enumName: 'DT_INT64', enumNumber: 9 },
  uint8: { word: 'uint8', enumName: 'DT_UINT8', enumNumber: 4 },
  uint16: { word: 'uint16', enumName: 'DT_UINT16', enumNumber: 17 },
  uint32: { word: 'uint32', enumName: 'DT_UINT32', enumNumber: 22 },
  uint64: { word: 'uint64', enumName: 'DT_UINT64', enumNumber: 23 },
  float16: { word: 'half', enumName: 'DT_HALF', enumNumber: 19 },
  bfloat16: { word: 'bfloat16', enumName: 'DT_BFLOAT16', enumNumber: 14 },
  float32: { word: 'float', enumName: 'DT_FLOAT', enumNumber: 1 },
  float64: { word: 'double', enumName: 'DT_DOUBLE', enumNumber: 2 },
  string: { word: 'string', enumName: 'DT_STRING', enumNumber: 7 },
};

const BY_NUMBER = new Map(
  Object.entries(DTYPE_NAMES).map(([dtype, { enumNumber }]) => [enumNumber, dtype as DataType]),
);

/** Our name of a dtype of protobuf; undefined for one that is not served. */
export function dtypeOfNumber(enumNumber: number): DataType | undefined {
  return BY_NUMBER.get(enumNumber);
}
