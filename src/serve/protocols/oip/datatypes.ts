/** The data types of the Open Inference Protocol v2. Source: inference_rest.md, "Tensor Data Types". */
import type { DataType } from '../../../tensor/tensor.ts';

/** Names on the wire. */
export const DATATYPE_NAMES: Readonly<Record<DataType, string>> = {
  bool: 'BOOL',
  int8: 'INT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint8: 'UINT8',
  uint16: 'UINT16',
  uint32: 'UINT32',
  uint64: 'UINT64',
  float16: 'FP16',
  bfloat16: 'BF16',
  float32: 'FP32',
  float64: 'FP64',
  string: 'BYTES',
};

const DTYPES = new Map(Object.entries(DATATYPE_NAMES).map(([dtype, name]) => [name, dtype as DataType]));

/** Field of InferTensorContents that holds the values of a dtype; the halves have none. */
export const CONTENT_FIELDS: Readonly<Record<DataType, number | undefined>> = {
  bool: 1,
  int8: 2,
  int16: 2,
  int32: 2,
  int64: 3,
  uint8: 4,
  uint16: 4,
  uint32: 4,
  uint64: 5,
  float16: undefined,
  bfloat16: undefined,
  float32: 6,
  float64: 7,
  string: 8,
};

/** Our name of a datatype; undefined for an unknown one. */
export function dtypeOf(datatype: string): DataType | undefined {
  return DTYPES.get(datatype);
}
