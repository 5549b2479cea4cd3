/** TensorFlow's names of the data types: the short ones of error texts and the enum names of metadata. */
import type { DataType } from '../../../tensor/tensor.ts';

interface DtypeNames {
  /** As in `is not of expected type: float`. */
  readonly word: string;
  /** As in `"dtype": "DT_FLOAT"`. */
  readonly enumName: string;
}

/** Source: tensorflow/core/framework/types.proto and types.cc (DataTypeString). */
export const DTYPE_NAMES: Readonly<Record<DataType, DtypeNames>> = {
  bool: { word: 'bool', enumName: 'DT_BOOL' },
  int8: { word: 'int8', enumName: 'DT_INT8' },
  int16: { word: 'int16', enumName: 'DT_INT16' },
  int32: { word: 'int32', enumName: 'DT_INT32' },
  int64: { word: 'int64', enumName: 'DT_INT64' },
  uint8: { word: 'uint8', enumName: 'DT_UINT8' },
  uint16: { word: 'uint16', enumName: 'DT_UINT16' },
  uint32: { word: 'uint32', enumName: 'DT_UINT32' },
  uint64: { word: 'uint64', enumName: 'DT_UINT64' },
  float16: { word: 'half', enumName: 'DT_HALF' },
  bfloat16: { word: 'bfloat16', enumName: 'DT_BFLOAT16' },
  float32: { word: 'float', enumName: 'DT_FLOAT' },
  float64: { word: 'double', enumName: 'DT_DOUBLE' },
  string: { word: 'string', enumName: 'DT_STRING' },
};
