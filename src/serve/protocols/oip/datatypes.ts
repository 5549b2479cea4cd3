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

/** Our name of a datatype; undefined for an unknown one. */
export function dtypeOf(datatype: string): DataType | undefined {
  return DTYPES.get(datatype);
}
